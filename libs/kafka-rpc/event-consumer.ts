import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import {
  type Consumer,
  type EachBatchPayload,
  type IHeaders,
  type KafkaMessage,
  Partitioners,
  type Producer,
} from 'kafkajs';
import { ConsumerLife } from './consumer-life.ts';
import { connectKafka, type KafkaConnectionOptions, MAX_WAIT_MS, RETRY } from './kafka-connection.ts';
import { within } from './within.ts';

/** A record that states a fact; nobody waits for an answer. */
export interface EventRecord {
  readonly value: Buffer | null;
  readonly headers: IHeaders;
  readonly partition: number;
  readonly offset: string;
  /** The record's own time: Unix ms. */
  readonly atMs: number;
}

/** `parked`: it can never be acted on, and why; it goes to the dead-letter topic. */
export type EventOutcome = { readonly outcome: 'done' } | { readonly outcome: 'parked'; readonly reason: string };

export interface EventConsumerOptions extends KafkaConnectionOptions {
  /** In full. */
  readonly topic: string;
  readonly deadLetterTopic: string;
  readonly groupId: string;
  /**
   * Called for up to `CONCURRENCY` records at once, for each again until it does not reject: whatever it does, it must be
   * harmless twice. A rejection is a fault that passes.
   */
  readonly handle: (record: EventRecord) => Promise<EventOutcome>;
}

const CONCURRENCY = 32;
const SESSION_MS = 10_000;
const HEARTBEAT_MS = 2_000;
const RETRY_MS = { first: 200, most: 5_000 };
const LEAVE_WITHIN_MS = 3_000;

/**
 * Reads a topic whose every record counts: from its very beginning, each offset committed only after what the record
 * asks for was done, or after it was parked in the dead-letter topic. Nothing is ever skipped because it failed: a fault
 * is retried for as long as it lasts, and meanwhile that partition waits.
 */
export class KafkaEventConsumer {
  readonly #options: EventConsumerOptions;
  readonly #logger: Logger;
  readonly #consumer: Consumer;
  readonly #producer: Producer;
  readonly #life: ConsumerLife;
  readonly #stop = new AbortController();
  /** By partition: the offset that must come next, as far as this process has read. */
  readonly #next = new Map<number, bigint>();

  constructor(options: EventConsumerOptions) {
    this.#options = options;
    this.#logger = new Logger(`Topic ${options.topic}`);
    const kafka = connectKafka(options);
    this.#producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: RETRY,
    });
    this.#consumer = kafka.consumer({
      groupId: options.groupId,
      allowAutoTopicCreation: false,
      sessionTimeout: SESSION_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: MAX_WAIT_MS,
      retry: RETRY,
    });
    this.#life = new ConsumerLife(this.#consumer);
    this.#consumer.on(this.#consumer.events.GROUP_JOIN, () => this.#next.clear());
  }

  /** For liveness. */
  isUp(): boolean {
    return this.#life.isUp;
  }

  /** For readiness: a member of its group. */
  isReading(): boolean {
    return this.#life.isReading;
  }

  /** Resolves when it is a member of its group. */
  async start(): Promise<void> {
    await this.#producer.connect();
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [this.#options.topic], fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (batch) => this.#onBatch(batch),
    });
    await this.#life.joined;
  }

  /** What is under way is finished or comes again: nothing is committed that was not done. */
  async close(): Promise<void> {
    this.#stop.abort();
    await within(LEAVE_WITHIN_MS, this.#consumer.disconnect());
    await within(LEAVE_WITHIN_MS, this.#producer.disconnect());
  }

  async #onBatch(payload: EachBatchPayload): Promise<void> {
    const { batch, heartbeat, resolveOffset } = payload;
    const { topic, partition } = batch;
    const isWanted = () => payload.isRunning() && !payload.isStale() && !this.#stop.signal.aborted;
    for (let from = 0; from < batch.messages.length && isWanted(); from += CONCURRENCY) {
      const messages = batch.messages.slice(from, from + CONCURRENCY);
      this.#noticeGap(partition, messages);
      const keepAlive = setInterval(() => void heartbeat().catch(() => undefined), HEARTBEAT_MS);
      let areDone: boolean[];
      try {
        areDone = await Promise.all(messages.map((message) => this.#untilDone(message, partition, isWanted)));
      } finally {
        clearInterval(keepAlive);
      }
      const last = messages.at(-1);
      if (last === undefined || areDone.includes(false)) return;
      resolveOffset(last.offset);
      const next = BigInt(last.offset) + 1n;
      this.#next.set(partition, next);
      // What can't be committed was done all the same, and comes again.
      await this.#consumer.commitOffsets([{ topic, partition, offset: String(next) }]);
      await heartbeat();
    }
  }

  /** False: the partition is somebody else's now, or this process ends. */
  async #untilDone(message: KafkaMessage, partition: number, isWanted: () => boolean): Promise<boolean> {
    const { signal } = this.#stop;
    const record = eventRecord(message, partition);
    for (let retryMs = RETRY_MS.first; ; retryMs = Math.min(retryMs * 2, RETRY_MS.most)) {
      try {
        const result = await this.#options.handle(record);
        if (result.outcome === 'parked') await this.#park(message, record, result.reason);
        return true;
      } catch (error) {
        if (!isWanted()) return false;
        const text = error instanceof Error ? error.message : 'unknown fault';
        this.#logger.warn(`The record at ${partition}/${record.offset} waits for a fault to pass: ${text}`);
      }
      await delay(retryMs, undefined, { signal }).catch(() => undefined);
      if (!isWanted()) return false;
    }
  }

  async #park(
    { key, value, headers = {} }: KafkaMessage,
    { partition, offset }: EventRecord,
    reason: string,
  ): Promise<void> {
    const { topic, deadLetterTopic } = this.#options;
    const origin = {
      latchkey_reason: reason,
      latchkey_topic: topic,
      latchkey_partition: String(partition),
      latchkey_offset: offset,
    };
    await this.#producer.send({
      topic: deadLetterTopic,
      acks: -1,
      messages: [{ key, value, headers: { ...headers, ...origin } }],
    });
    this.#logger.error(
      `The record at ${partition}/${offset} can't be acted on and was parked in ${deadLetterTopic}: ${reason}`,
    );
  }

  /** Where the topic lost records before they were read (retention, a broker's loss), somebody must be told. */
  #noticeGap(partition: number, messages: readonly KafkaMessage[]): void {
    const first = messages[0];
    const expected = this.#next.get(partition);
    if (first === undefined || expected === undefined || BigInt(first.offset) <= expected) return;
    this.#logger.error(
      `Records of partition ${partition} from ${expected} up to ${first.offset} are gone, and were never read`,
    );
  }
}

function eventRecord({ value, headers, offset, timestamp }: KafkaMessage, partition: number): EventRecord {
  return { value, headers: headers ?? {}, partition, offset, atMs: Number(timestamp) };
}
