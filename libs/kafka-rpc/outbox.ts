import { Logger } from '@nestjs/common';
import { type ICustomPartitioner, type Kafka, type Message, type Producer } from 'kafkajs';
import { RETRY } from './kafka-connection.ts';
import { isTransient } from './retry.ts';

/** Something to be written, and what becomes of it. */
export interface Outgoing {
  readonly topic: string;
  readonly message: Message;
  /** Not written after it; Unix ms. */
  readonly deadlineMs: number;
  /** Called exactly once. Without an error it is in the topic; `expired`: not written in time; else it can't be written. */
  readonly settle: (error?: Error | 'expired') => void;
}

/** kafkajs groups a send's messages in quadratic time: more at once cost more than a second send. */
const MAX_MESSAGES = 500;
/** A produce request must stay below the broker's `message.max.bytes`, 1 MiB unless it was changed. */
const MAX_BYTES = 600_000;
/** The largest message that any broker with its defaults takes, less what surrounds it. */
export const MAX_MESSAGE_BYTES = 900_000;
/** So many waiting messages are worth a second request beside the one under way. */
const SECOND_AT = 128;
/** Roughly what a record takes beside its value: headers and framing. */
const OVERHEAD_BYTES = 200;
const PAUSE_MS = 100;

/**
 * Writes messages in few, full produce requests: all that were given in one turn of the event loop go together, and what
 * comes while a request is under way waits for it, for the broker serves one at a time on a connection and each costs as
 * much as many messages. Bounded in messages and bytes per request.
 *
 * What Kafka doesn't take now is tried again until its deadline; what it never will take fails alone.
 */
export class Outbox {
  readonly #producer: Producer;
  readonly #logger = new Logger('KafkaOutbox');
  #waiting: Outgoing[] = [];
  #sending = 0;
  #isScheduled = false;

  constructor(kafka: Kafka) {
    this.#producer = kafka.producer({
      allowAutoTopicCreation: false,
      // An idempotent producer sends one request at a time, and what is doubled here is recognised by whoever gets it.
      idempotent: false,
      createPartitioner: onePartitionPerSend,
      retry: { ...RETRY, retries: 3 },
    });
  }

  get producer(): Producer {
    return this.#producer;
  }

  connect(): Promise<void> {
    return this.#producer.connect();
  }

  disconnect(): Promise<void> {
    return this.#producer.disconnect();
  }

  add(outgoing: Outgoing): void {
    this.#waiting.push(outgoing);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#mayWrite()) {
      const batch = this.#take();
      if (batch.length > 0) void this.#write(batch);
    }
  }

  #mayWrite(): boolean {
    return this.#sending === 0 || (this.#sending === 1 && this.#waiting.length >= SECOND_AT);
  }

  #take(): Outgoing[] {
    const nowMs = Date.now();
    const batch: Outgoing[] = [];
    let bytes = 0;
    let taken = 0;
    for (const outgoing of this.#waiting) {
      const size = sizeOf(outgoing);
      if (batch.length === MAX_MESSAGES || (batch.length > 0 && bytes + size > MAX_BYTES)) break;
      taken += 1;
      if (nowMs >= outgoing.deadlineMs) {
        outgoing.settle('expired');
        continue;
      }
      batch.push(outgoing);
      bytes += size;
    }
    this.#waiting = taken === this.#waiting.length ? [] : this.#waiting.slice(taken);
    return batch;
  }

  async #write(batch: readonly Outgoing[]): Promise<void> {
    this.#sending += 1;
    try {
      // Acknowledged by the leader alone: a request or a reply that is lost with it is asked for again.
      await this.#producer.sendBatch({ acks: 1, topicMessages: byTopic(batch) });
      for (const { settle } of batch) settle();
    } catch (thrown) {
      this.#failed(batch, thrown as Error);
    } finally {
      this.#sending -= 1;
    }
    if (this.#waiting.length > 0) this.#schedule();
  }

  #failed(batch: readonly Outgoing[], error: Error): void {
    this.#logger.warn(`${batch.length} messages were not written: ${error.message}`);
    const again = batch.filter((outgoing) => {
      if (Date.now() >= outgoing.deadlineMs) outgoing.settle('expired');
      else if (isTransient(error)) return true;
      else outgoing.settle(error);
      return false;
    });
    if (again.length === 0) return;
    setTimeout(() => {
      this.#waiting = [...again, ...this.#waiting];
      this.#schedule();
    }, PAUSE_MS);
  }
}

function byTopic(batch: readonly Outgoing[]): { topic: string; messages: Message[] }[] {
  const topics = new Map<string, Message[]>();
  for (const { topic, message } of batch) {
    const messages = topics.get(topic);
    if (messages === undefined) topics.set(topic, [message]);
    else messages.push(message);
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}

function sizeOf({ message: { value } }: Outgoing): number {
  return OVERHEAD_BYTES + (value === null ? 0 : Buffer.byteLength(value));
}

/**
 * Messages that name no partition all go to one, and the next send's to the next one: a keyless message has no home, and
 * spread one by one over the partitions each would be a batch of its own, to be written, fetched and answered apart.
 */
const onePartitionPerSend: ICustomPartitioner = () => {
  const next = new Map<string, { turn: number; isUsed: boolean }>();
  return ({ topic, message, partitionMetadata }) => {
    if (message.partition !== undefined) return message.partition;
    let state = next.get(topic);
    if (state === undefined) {
      state = { turn: Math.floor(Math.random() * partitionMetadata.length), isUsed: false };
      next.set(topic, state);
    }
    if (!state.isUsed) {
      state.isUsed = true;
      state.turn += 1;
      // kafkajs asks for all messages of a send in one turn.
      const used = state;
      queueMicrotask(() => (used.isUsed = false));
    }
    return partitionMetadata[state.turn % partitionMetadata.length]?.partitionId ?? 0;
  };
};
