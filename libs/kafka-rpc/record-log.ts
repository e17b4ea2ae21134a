import { type Kafka, Partitioners, type Producer } from 'kafkajs';
import { connectKafka, type KafkaConnectionOptions } from './kafka-connection.ts';
import { within } from './within.ts';

const DISCONNECT_WITHIN_MS = 3_000;
/** Once more, and no longer: whoever waits behind has something better to tell by then. */
const RETRY = { initialRetryTime: 50, maxRetryTime: 500, retries: 1 } as const;

/**
 * Writes to the one partition of a topic, in order: each record is on all replicas that are in sync before the next one
 * goes out, and one that is sent again by kafkajs is not there twice (an idempotent producer).
 *
 * After a failure nobody knows how far the broker has counted, and kafkajs counts on as if nothing had been written: the
 * broker would take other records for repetitions and drop them, or refuse all that come later, for ever. So what comes
 * after a failure is written by a new producer.
 */
export class KafkaRecordLog {
  readonly #topic: string;
  readonly #kafka: Kafka;
  #connecting: Promise<Producer> | undefined;

  constructor(topic: string, connection: KafkaConnectionOptions) {
    this.#topic = topic;
    this.#kafka = connectKafka(connection);
  }

  /** One call at a time. A rejection leaves open whether some, all or none of the records are there. */
  async append(records: readonly string[]): Promise<void> {
    this.#connecting ??= this.#connect();
    try {
      const producer = await this.#connecting;
      const messages = records.map((value) => ({ value, partition: 0 }));
      await producer.send({ topic: this.#topic, messages, acks: -1 });
    } catch (error) {
      // Not waited for: a broker that does not answer is why this happens.
      void this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const connecting = this.#connecting;
    this.#connecting = undefined;
    const producer = await connecting?.catch(() => undefined);
    if (producer !== undefined) await within(DISCONNECT_WITHIN_MS, producer.disconnect());
  }

  async #connect(): Promise<Producer> {
    const producer = this.#kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      idempotent: true,
      maxInFlightRequests: 1,
      retry: RETRY,
    });
    try {
      await producer.connect();
    } catch (error) {
      void within(DISCONNECT_WITHIN_MS, producer.disconnect());
      throw error;
    }
    return producer;
  }
}
