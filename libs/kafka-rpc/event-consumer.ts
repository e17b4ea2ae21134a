import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import {
  type Consumer,
  type EachBatchPayload,
  type IHeaders,
  type KafkaMessage,
  type Message,
  Partitioners,
  type Producer,
  type TopicPartitionOffset,
} from 'kafkajs';
import { connectKafka, type KafkaConnectionOptions, RETRY } from './kafka-connection.ts';
import { GroupPosition } from './group-position.ts';
import { isNoMember, startFault } from './kafka-faults.ts';
import { LastingConsumer } from './lasting-consumer.ts';
import { writableHeaders } from './parked-headers.ts';
import { isTransient } from './retry.ts';
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
const PARTITIONS_AT_ONCE = 8;
const HEARTBEAT_MS = 1_500;
/** How long the others wait for a member that does not answer: longer than one attempt at a record. */
const REBALANCE_MS = 20_000;
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
  readonly #consumer: LastingConsumer;
  readonly #producer: Producer;
  readonly #position: GroupPosition;
  readonly #stop = new AbortController();
  /** By partition: how often its next record has failed in a row. */
  readonly #attempts = new Map<number, number>();

  constructor(options: EventConsumerOptions) {
    this.#options = options;
    this.#logger = new Logger(`Topic ${options.topic}`);
    const kafka = connectKafka(options);
    // Not idempotent: after a failure kafkajs gives another record the same number, which the broker then drops as known.
    // What is parked may be there twice instead.
    this.#producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: RETRY,
    });
    this.#position = new GroupPosition(options);
    this.#consumer = new LastingConsumer(kafka, {
      config: () => ({ groupId: options.groupId, rebalanceTimeout: REBALANCE_MS }),
      topics: () => [options.topic],
      fromBeginning: true,
      partitionsAtOnce: PARTITIONS_AT_ONCE,
      eachBatchAutoResolve: false,
      eachBatch: (payload, consumer) => this.#onBatch(payload, consumer),
      onJoin: () => this.#position.joined(),
    });
  }

  /** For liveness. */
  isUp(): boolean {
    return this.#consumer.isUp;
  }

  /** For readiness: a member of its group. */
  isReading(): boolean {
    return this.#consumer.isReading;
  }

  /** Resolves when it is a member of its group. @throws {KafkaRefused} what no waiting mends */
  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      throw startFault(error);
    }
  }

  async #start(): Promise<void> {
    await this.#producer.connect();
    await this.#position.read();
    await this.#consumer.start();
  }

  /** What is under way is finished or comes again: nothing is committed that was not done. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#consumer.stop();
    await within(LEAVE_WITHIN_MS, this.#producer.disconnect());
  }

  async #onBatch(payload: EachBatchPayload, consumer: Consumer): Promise<void> {
    const { topic, partition } = payload.batch;
    const { messages: all } = payload.batch;
    const isWanted = () => payload.isRunning() && !payload.isStale() && !this.#stop.signal.aborted;
    for (let from = 0; from < all.length && isWanted(); from += CONCURRENCY) {
      const messages = all.slice(from, from + CONCURRENCY);
      const done = await this.#handleAll(messages, partition, () => payload.heartbeat());
      const last = messages[done - 1];
      if (last !== undefined) {
        payload.resolveOffset(last.offset);
        const next = BigInt(last.offset) + 1n;
        this.#position.advance(partition, next);
        this.#attempts.delete(partition);
        // What can't be committed was done all the same, and comes again.
        if (!(await this.#commit(consumer, { topic, partition, offset: String(next) }))) return;
      }
      if (done < messages.length) {
        void this.#rest(partition, consumer);
        return;
      }
      await payload.heartbeat();
    }
  }

  /** @returns false when this process is no member of the group any more, which kafkajs finds out by its heartbeat */
  async #commit(consumer: Consumer, upTo: TopicPartitionOffset): Promise<boolean> {
    try {
      await consumer.commitOffsets([upTo]);
      return true;
    } catch (error) {
      if (isNoMember(error)) return false;
      throw error;
    }
  }

  /** @returns how many from the first on are done; what is done behind one that is not comes again, too */
  async #handleAll(
    messages: readonly KafkaMessage[],
    partition: number,
    heartbeat: () => Promise<void>,
  ): Promise<number> {
    const keepAlive = setInterval(() => void heartbeat().catch(() => undefined), HEARTBEAT_MS);
    try {
      await this.#noticeGap(partition, messages);
      const areDone = await Promise.all(messages.map((message) => this.#handle(message, partition)));
      const failed = areDone.indexOf(false);
      return failed === -1 ? messages.length : failed;
    } finally {
      clearInterval(keepAlive);
    }
  }

  async #handle(message: KafkaMessage, partition: number): Promise<boolean> {
    const record = eventRecord(message, partition);
    try {
      const result = await this.#options.handle(record);
      if (result.outcome === 'parked') await this.#park(message, record, result.reason);
      return true;
    } catch (error) {
      const text = error instanceof Error ? error.message : 'unknown fault';
      this.#logger.warn(`The record at ${partition}/${record.offset} waits for a fault to pass: ${text}`);
      return false;
    }
  }

  /**
   * Gives the turn back and asks for the partition again later: to wait here would hold up the others, and whoever wants
   * to join the group.
   */
  async #rest(partition: number, consumer: Consumer): Promise<void> {
    const partitions = [{ topic: this.#options.topic, partitions: [partition] }];
    const attempt = this.#attempts.get(partition) ?? 0;
    this.#attempts.set(partition, attempt + 1);
    try {
      consumer.pause(partitions);
      const restMs = Math.min(RETRY_MS.first * 2 ** attempt, RETRY_MS.most);
      await delay(restMs, undefined, { signal: this.#stop.signal });
      consumer.resume(partitions);
    } catch (error) {
      // Neither at the end nor from a consumer that was replaced is anything to be asked for again.
      if (!this.#stop.signal.aborted && consumer === this.#consumer.consumer) this.#logger.error(error);
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
    const park = (message: Message) => this.#producer.send({ topic: deadLetterTopic, acks: -1, messages: [message] });
    try {
      await park({ key, value, headers: { ...writableHeaders(headers), ...origin } });
    } catch (error) {
      if (isTransient(error as Error)) throw error;
      // Too large with what was added, for instance. Its own topic still holds it, and what is behind it must not wait.
      await park({ key: null, value: null, headers: origin });
    }
    this.#logger.error(
      `The record at ${partition}/${offset} can't be acted on and was parked in ${deadLetterTopic}: ${reason}`,
    );
  }

  /** Where the topic lost records before they were read (retention, a broker's loss), somebody must be told. */
  async #noticeGap(partition: number, messages: readonly KafkaMessage[]): Promise<void> {
    const first = messages[0];
    if (first === undefined) return;
    const gap = await this.#position.gapBefore(partition, BigInt(first.offset));
    if (gap === undefined) return;
    this.#logger.error(
      `Records of partition ${partition} from ${gap.from} up to ${gap.upTo} are gone, and were never read`,
    );
  }
}

function eventRecord({ value, headers, offset, timestamp }: KafkaMessage, partition: number): EventRecord {
  return { value, headers: headers ?? {}, partition, offset, atMs: Number(timestamp) };
}
