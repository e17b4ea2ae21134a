import { Partitioners, type Producer } from 'kafkajs';
import { connectKafka, type KafkaConnectionOptions } from './kafka-connection.ts';
import { within } from './within.ts';

const DISCONNECT_WITHIN_MS = 3_000;
/** Three attempts within a second or so: whoever waits behind has something better to tell by then. */
const RETRY = { initialRetryTime: 50, maxRetryTime: 500, retries: 3 } as const;

/**
 * Writes to the one partition of a topic, in order: each record is on all replicas that are in sync before the next one
 * goes out, and one that is sent again by kafkajs is not there twice (an idempotent producer).
 */
export class KafkaRecordLog {
  readonly #topic: string;
  readonly #producer: Producer;
  #connecting: Promise<void> | undefined;

  constructor(topic: string, connection: KafkaConnectionOptions) {
    this.#topic = topic;
    const kafka = connectKafka(connection);
    this.#producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      idempotent: true,
      maxInFlightRequests: 1,
      retry: RETRY,
    });
  }

  /** One call at a time. A rejection leaves open whether some, all or none of the records are there. */
  async append(records: readonly string[]): Promise<void> {
    this.#connecting ??= this.#producer.connect();
    try {
      await this.#connecting;
    } catch (error) {
      this.#connecting = undefined;
      throw error;
    }
    const messages = records.map((value) => ({ value, partition: 0 }));
    await this.#producer.send({ topic: this.#topic, messages, acks: -1 });
  }

  async close(): Promise<void> {
    await within(DISCONNECT_WITHIN_MS, this.#producer.disconnect());
  }
}
