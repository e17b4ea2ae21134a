import { type Kafka, Partitioners, type Producer } from 'kafkajs';
import { connectKafka, type KafkaConnectionOptions } from './kafka-connection.ts';
import { within } from './within.ts';

const DISCONNECT_WITHIN_MS = 3_000;
/** Three attempts within a second or so: whoever waits behind has something better to tell by then. */
const RETRY = { initialRetryTime: 50, maxRetryTime: 500, retries: 3 } as const;

/**
 * Writes to the one partition of a topic, in order: each record is on all replicas that are in sync before the next one
 * goes out, and one that is sent again by kafkajs is not there twice (an idempotent producer).
 *
 * After a rejection it goes on with a new producer, under a new id. kafkajs counts what was not acknowledged as not sent,
 * and numbers what follows anew; where just the acknowledgement was lost, the broker would take the next records for the
 * ones that it has, and say that they are there.
 */
export class KafkaRecordLog {
  readonly #topic: string;
  readonly #kafka: Kafka;
  #current: { readonly producer: Producer; readonly connected: Promise<void> } | undefined;
  #ending: Promise<void> = Promise.resolve();

  constructor(topic: string, connection: KafkaConnectionOptions) {
    this.#topic = topic;
    this.#kafka = connectKafka(connection);
  }

  /** One call at a time. A rejection leaves open whether some, all or none of the records are there, or will be yet. */
  async append(records: readonly string[]): Promise<void> {
    this.#current ??= this.#begin();
    const { producer, connected } = this.#current;
    try {
      await connected;
      const messages = records.map((value) => ({ value, partition: 0 }));
      await producer.send({ topic: this.#topic, messages, acks: -1 });
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#end();
    await this.#ending;
  }

  #begin(): { producer: Producer; connected: Promise<void> } {
    const producer = this.#kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      idempotent: true,
      maxInFlightRequests: 1,
      retry: RETRY,
    });
    return { producer, connected: producer.connect() };
  }

  #end(): void {
    const ended = this.#current;
    this.#current = undefined;
    if (ended !== undefined) this.#ending = within(DISCONNECT_WITHIN_MS, ended.producer.disconnect());
  }
}
