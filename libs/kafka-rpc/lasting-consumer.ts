import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { type Consumer, type ConsumerConfig, type EachBatchPayload, type Kafka } from 'kafkajs';
import { type ConsumerStatus, ConsumerLife } from './consumer-life.ts';
import { MAX_WAIT_MS, RETRY } from './kafka-connection.ts';
import { KafkaUnavailable, mayPass } from './kafka-faults.ts';
import { within } from './within.ts';

/** By topic: partitions. */
export type Assignment = Readonly<Record<string, readonly number[]>>;

export interface LastingConsumerOptions {
  /** Of the consumer that is made next. */
  readonly config: () => ConsumerConfig;
  readonly topics: () => readonly string[];
  /** Where a group begins that has committed nothing. Default: at the end. */
  readonly fromBeginning?: boolean;
  readonly partitionsAtOnce: number;
  /** Default: what `eachBatch` has returned from is not handed out again. */
  readonly eachBatchAutoResolve?: boolean;
  /** kafkajs' own, and who calls. Nothing is committed by itself. */
  readonly eachBatch: (payload: EachBatchPayload, consumer: Consumer) => Promise<void>;
  /** A member of its group, anew each time. Whoever seeks does it here, before anything is fetched. */
  readonly onJoin?: (assignment: Assignment, consumer: Consumer) => void;
  /** It is about to join its group anew. */
  readonly onRebalancing?: () => void;
  readonly onStatus?: (status: ConsumerStatus) => void;
  /** How long it may not stir. Default 60 s, which is longer than any pause that kafkajs makes between two attempts. */
  readonly stalledMs?: number;
}

/** One consumer of kafkajs, from its making on. */
interface Attempt {
  readonly groupId: string;
  readonly consumer: Consumer;
  readonly life: ConsumerLife;
  /** Settles when it is a member of its group or never will be; nothing of it is ever cut short. */
  opening: Promise<void>;
}

/** The least that a broker with its defaults allows. */
const SESSION_MS = 6_000;
const HEARTBEAT_MS = 1_500;
const STALLED_MS = 60_000;
/** From the connection to membership; a group waits for members that don't answer for some seconds. */
const OPEN_WITHIN_MS = 45_000;
const REOPEN_AFTER_MS = 200;
const END_WITHIN_MS = 3_000;

/**
 * A consumer that goes on, whatever becomes of those of kafkajs. One that has failed, for whichever reason, or has not
 * stirred for long is replaced by another on connections of its own, for as long as it takes. (kafkajs restarts one only
 * when it takes the reason for one that passes, on the connections that it had, and leaves one that hangs alone.)
 */
export class LastingConsumer {
  readonly #kafka: Kafka;
  readonly #options: LastingConsumerOptions;
  readonly #stalledMs: number;
  readonly #logger = new Logger('KafkaConsumer');
  #current: Attempt | undefined;
  #watch: NodeJS.Timeout | undefined;
  #isReplacing = false;
  /** There is no consumer, because of what may well not pass. */
  #isFault = false;
  #isStopped = false;

  constructor(kafka: Kafka, options: LastingConsumerOptions) {
    this.#kafka = kafka;
    this.#options = options;
    this.#stalledMs = options.stalledMs ?? STALLED_MS;
  }

  /** The one of now. There is none before the start. */
  get consumer(): Consumer {
    if (this.#current === undefined) throw new Error('This consumer was not started');
    return this.#current.consumer;
  }

  /** For liveness: false while there is none because of what may well not pass. A broker that is away is not that. */
  get isUp(): boolean {
    return !this.#isFault;
  }

  /** For readiness: it reads, as far as it knows. */
  get isReading(): boolean {
    return !this.#isReplacing && !this.#isStopped && this.#current?.life.isMember === true;
  }

  /**
   * Resolves when it is a member of its group. Rejects with what does not pass by itself, and with what may after
   * `withinMs`, and then it can be started again; and when it was stopped.
   */
  async start(withinMs = Infinity): Promise<void> {
    const untilMs = performance.now() + withinMs;
    let told = '';
    for (;;) {
      try {
        await this.#open();
        break;
      } catch (error) {
        if (performance.now() >= untilMs || !mayPass(error)) throw error;
        const { message } = new KafkaUnavailable(error);
        if (message !== told) this.#logger.warn(`Waiting: ${message}`);
        told = message;
        await delay(REOPEN_AFTER_MS);
      }
    }
    this.#watch = setInterval(() => this.#lookWhetherItStirs(), this.#stalledMs / 10).unref();
  }

  /** Leaves the group, if the broker is there to be told. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#watch);
    if (this.#current !== undefined) await retired(this.#current);
  }

  async #open(): Promise<void> {
    this.#throwIfStopped();
    const attempt = (this.#current = this.#attempt());
    try {
      await settledWithin(OPEN_WITHIN_MS, attempt.opening);
    } catch (error) {
      await retired(attempt);
      throw error;
    }
    this.#throwIfStopped();
    void attempt.life.ended.then((error) => {
      if (this.#current === attempt) void this.#replace(attempt, error);
    });
  }

  #throwIfStopped(): void {
    if (this.#isStopped) throw new ConsumerStopped();
  }

  #attempt(): Attempt {
    const { config, onStatus, onJoin, onRebalancing } = this.#options;
    const own = config();
    const consumer = this.#kafka.consumer({
      allowAutoTopicCreation: false,
      sessionTimeout: SESSION_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: MAX_WAIT_MS,
      ...own,
      retry: { ...RETRY, restartOnFailure: () => Promise.resolve(false) },
    });
    const ifCurrent = (tell: () => void) => {
      if (this.#current?.consumer === consumer) tell();
    };
    const life = new ConsumerLife(consumer, (status) => ifCurrent(() => onStatus?.(status)));
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
      ifCurrent(() => onJoin?.(payload.memberAssignment, consumer)),
    );
    consumer.on(consumer.events.REBALANCING, () => ifCurrent(() => onRebalancing?.()));
    const attempt: Attempt = { groupId: own.groupId, consumer, life, opening: Promise.resolve() };
    attempt.opening = this.#becomeMember(attempt);
    return attempt;
  }

  async #becomeMember({ consumer, life }: Attempt): Promise<void> {
    const { topics, fromBeginning = false, partitionsAtOnce, eachBatchAutoResolve = true, eachBatch } = this.#options;
    // What was given up meanwhile must not become a second member.
    const stopIfGivenUp = () => {
      if (this.#isStopped || this.#current?.consumer !== consumer) throw new ConsumerStopped();
    };
    await consumer.connect();
    stopIfGivenUp();
    await consumer.subscribe({ topics: [...topics()], fromBeginning });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve,
      partitionsConsumedConcurrently: partitionsAtOnce,
      eachBatch: (payload) => {
        stopIfGivenUp();
        return eachBatch(payload, consumer);
      },
    });
    await life.joined;
  }

  #lookWhetherItStirs(): void {
    const current = this.#current;
    if (current === undefined || current.life.silentMs < this.#stalledMs) return;
    void this.#replace(current, new ConsumerStalled(current.life.silentMs));
  }

  async #replace(ended: Attempt, reason: Error): Promise<void> {
    if (this.#isReplacing || this.#isStopped) return;
    this.#isReplacing = true;
    this.#isFault = !mayPass(reason);
    this.#logger.error(`The consumer of the group ${ended.groupId} has ended and is replaced: ${reason.message}`);
    await retired(ended);
    await this.#openAnother();
    this.#isReplacing = false;
  }

  async #openAnother(): Promise<void> {
    while (!this.#isStopped) {
      await delay(REOPEN_AFTER_MS);
      try {
        await this.#open();
        this.#isFault = false;
        this.#logger.warn(`A new consumer of the group ${this.#current?.groupId ?? ''} reads`);
        return;
      } catch (error) {
        this.#isFault = !mayPass(error);
      }
    }
  }
}

/**
 * Ends it in order, waiting no longer than an end may take. kafkajs can't end a consumer that is only just joining, which
 * would go on joining and never leave; so that is waited for, however long, and this goes on without.
 */
function retired({ consumer, opening }: Attempt): Promise<void> {
  const end = opening.catch(() => undefined).then(() => consumer.disconnect());
  return within(END_WITHIN_MS, end);
}

async function settledWithin(ms: number, work: Promise<void>): Promise<void> {
  const over = new AbortController();
  const late = async () => {
    await delay(ms, undefined, { signal: over.signal });
    throw new ConsumerStalled(ms);
  };
  try {
    await Promise.race([work, late()]);
  } finally {
    over.abort();
  }
}

class ConsumerStopped extends Error {
  override readonly name = 'ConsumerStopped';

  constructor() {
    super('This consumer was stopped');
  }
}

/** It neither works nor fails. Another one may well work, so the reason counts as one that passes. */
class ConsumerStalled extends Error {
  override readonly name = 'ConsumerStalled';
  readonly retriable = true;

  constructor(silentMs: number) {
    super(`it has not stirred for ${Math.round(silentMs / 1_000)} s`);
  }
}
