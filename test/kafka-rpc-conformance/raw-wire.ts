import { type Consumer, type IHeaders, Kafka, logLevel, type Producer } from 'kafkajs';
import { type WireTopics } from './wire-topics.ts';

export interface RawRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly partition: number;
  readonly headers: IHeaders;
}

/** Records as they are, without any RPC: what a client of another family may send, and what it would read. */
export class RawWire {
  readonly #read = new Map<string, RawRecord[]>();
  #onRead: (() => void)[] = [];

  private constructor(
    readonly kafka: Kafka,
    readonly producer: Producer,
    private readonly consumer: Consumer,
  ) {}

  /** Reads `topics` from their beginning. */
  static async open({ brokers, prefix }: WireTopics, topics: readonly string[]): Promise<RawWire> {
    const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
    const consumer = kafka.consumer({ groupId: `${prefix}raw`, maxWaitTimeInMs: 100 });
    const raw = new RawWire(kafka, kafka.producer({ allowAutoTopicCreation: false }), consumer);
    await raw.producer.connect();
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      eachMessage: ({ topic, partition, message }) => {
        const { key, value, headers = {} } = message;
        raw.#of(topic).push({ key, value, partition, headers });
        for (const tell of raw.#onRead.splice(0)) tell();
        return Promise.resolve();
      },
    });
    return raw;
  }

  async send(topic: string, value: string | Buffer | null, headers: IHeaders = {}): Promise<void> {
    await this.producer.send({ topic, messages: [{ value, headers }] });
  }

  /** The record of this correlation id, once it is there. */
  reply(topic: string, correlationId: string): Promise<RawRecord> {
    return this.record(topic, (record) => idOf(record) === correlationId);
  }

  async record(topic: string, isIt: (record: RawRecord) => boolean): Promise<RawRecord> {
    for (;;) {
      const found = this.#of(topic).find(isIt);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#onRead.push(resolve));
    }
  }

  /** Those that were read so far. */
  replies(topic: string, correlationId: string): readonly RawRecord[] {
    return this.#of(topic).filter((record) => idOf(record) === correlationId);
  }

  all(topic: string): readonly RawRecord[] {
    return this.#of(topic);
  }

  async close(): Promise<void> {
    await this.consumer.disconnect();
    await this.producer.disconnect();
  }

  #of(topic: string): RawRecord[] {
    const records = this.#read.get(topic) ?? [];
    this.#read.set(topic, records);
    return records;
  }
}

function idOf({ headers }: RawRecord): string {
  return String(headers['kafka_correlationId']);
}
