import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Consumer, Kafka, logLevel } from 'kafkajs';
import { type KeyChangeRecord, keyChangeRecord } from '#contracts/key-changes';

/** A record as it is in the topic; `atMs` is the broker's. */
export type ReadChange = KeyChangeRecord & { readonly atMs: number };

/** Reads the topic of key changes as a cache has to, from its beginning, and checks what every reader relies on. */
export class KeyChangeReader {
  readonly records: ReadChange[] = [];
  /** Places where the chain is broken: a cache dumps all that it has. */
  readonly gaps: number[] = [];
  readonly #consumer: Consumer;

  private constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  static async open(brokers: readonly string[], topic: string): Promise<KeyChangeReader> {
    const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { retries: 20 } });
    const consumer = kafka.consumer({ groupId: `reader-${randomUUID()}`, maxWaitTimeInMs: 50, sessionTimeout: 6_000 });
    const reader = new KeyChangeReader(consumer);
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    let next = 0n;
    await consumer.run({
      autoCommit: false,
      eachMessage: ({ message }) => {
        // A consumer that joins anew begins anew.
        if (BigInt(message.offset) < next) return Promise.resolve();
        next = BigInt(message.offset) + 1n;
        reader.#take(keyChangeRecord.parse(JSON.parse(String(message.value))), Number(message.timestamp));
        return Promise.resolve();
      },
    });
    return reader;
  }

  async until(holds: (records: readonly ReadChange[]) => boolean): Promise<void> {
    while (!holds(this.records)) await delay(10);
  }

  /** Resolves with the record that tells of the hash, at or after the `from`-th record. */
  async tells(hash: string, from = 0): Promise<ReadChange> {
    const told = () =>
      this.records.slice(from).find((record) => record.type === 'changed' && record.hashes.includes(hash));
    await this.until(() => told() !== undefined);
    return told()!;
  }

  close(): Promise<void> {
    return this.#consumer.disconnect();
  }

  #take(record: KeyChangeRecord, atMs: number): void {
    const before = this.records.at(-1);
    if (record.type !== 'flush' && record.prev !== before?.position) this.gaps.push(this.records.length);
    this.records.push({ ...record, atMs });
  }
}
