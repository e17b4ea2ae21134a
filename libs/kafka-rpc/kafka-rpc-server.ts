import {
  BaseRpcContext,
  type CustomTransportStrategy,
  KafkaContext,
  type MessageHandler,
  Server,
  type WritePacket,
} from '@nestjs/microservices';
import { type Kafka } from 'kafkajs';
import { isObservable, lastValueFrom } from 'rxjs';
import { type Delivery } from '#runtime/delivery';
import { ListDispatch, type MessageContract, type Outcome, takesList } from '#runtime/list-dispatch';
import { Answers } from './answers.ts';
import { within } from './within.ts';
import { startFault } from './kafka-faults.ts';
import { connectKafka, type KafkaConnectionOptions } from './kafka-connection.ts';
import { LastingConsumer } from './lasting-consumer.ts';
import { Outbox } from './outbox.ts';
import { type Chunk, PartitionLanes } from './partition-lanes.ts';
import { Progress } from './partition-progress.ts';
import { RequestReader, type Taken } from './request-reader.ts';
import { decodeRecord } from './wire.ts';

export interface KafkaRpcServerOptions extends KafkaConnectionOptions {
  /** The consumer group; the replicas of a service share one, and Kafka deals the partitions out among them. */
  readonly groupId: string;
  /** Before every pattern, to make its topic. Default: none. */
  readonly topicPrefix?: string;
  /** Where replies may go, besides the `.reply` topics of this server's own requests; full names. */
  readonly replyTopics?: readonly string[];
  /** How many requests may be under way at once; more wait in Kafka. Default 4,096. */
  readonly maxOpen?: number;
  /** How long `close` waits for what is under way. Default 5 s. */
  readonly drainMs?: number;
}

/** Counted since the start. */
export interface KafkaRpcCounts {
  /** Dropped, for their deadline had passed. */
  readonly expired: number;
  /** Not carried out, for their reply's address is malformed or not allowed. */
  readonly unanswerable: number;
}

const KAFKA_RPC = Symbol('kafka-rpc');
const COMMIT_EVERY_MS = 1_000;
const REBALANCE_MS = 10_000;
const METADATA_MAX_AGE_MS = 60_000;
const MAX_BYTES_PER_PARTITION = 1024 * 1024;
const MAX_FETCH_BYTES = 8 * 1024 * 1024;
const PARTITIONS_AT_ONCE = 32;
/** For each step of the end that asks the broker, which may be away. */
const LEAVE_WITHIN_MS = 3_000;

type Handler = MessageHandler<unknown, unknown, unknown>;

/** What `@Ctx()` gives a list handler, one for the whole list. */
export class KafkaListContext extends BaseRpcContext<[topic: string, partition: number]> {
  /** The pattern, without the prefix. */
  getTopic(): string {
    return this.args[0];
  }

  getPartition(): number {
    return this.args[1];
  }
}

/**
 * `NestFactory.createMicroservice(AppModule, { strategy: new KafkaRpcServer(contract, { brokers, groupId }) })`
 *
 * Requests over Kafka as Nest's own transport writes them (docs/kafka-rpc.md has the contract), taken in batches: handlers
 * that take lists get all that was fetched of a partition at once, and all replies go back together. An offset is
 * committed only after the reply: what a process that dies had not answered, the next one answers.
 */
export class KafkaRpcServer extends Server implements CustomTransportStrategy {
  override readonly transportId = KAFKA_RPC;
  override readonly propagatesEventHandlerErrors = true;
  readonly #options: KafkaRpcServerOptions;
  readonly #dispatch: ListDispatch;
  readonly #kafka: Kafka;
  readonly #consumer: LastingConsumer;
  readonly #outbox: Outbox;
  readonly #progress = new Progress();
  readonly #lanes: PartitionLanes;
  readonly #handlers = new Map<string, { readonly pattern: string; readonly handler: Handler }>();
  #reader: RequestReader | undefined;
  #commitTimer: NodeJS.Timeout | undefined;
  #committing: Promise<void> | undefined;

  constructor(contract: MessageContract, options: KafkaRpcServerOptions) {
    super();
    this.#options = options;
    this.#dispatch = new ListDispatch(contract);
    this.#kafka = connectKafka(options);
    this.#outbox = new Outbox(this.#kafka);
    this.#lanes = new PartitionLanes(this.#progress, {
      handle: (chunk, over) => this.#handle(chunk, over),
      maxOpen: options.maxOpen ?? 4_096,
    });
    this.#consumer = new LastingConsumer(this.#kafka, {
      config: () => ({
        groupId: options.groupId,
        rebalanceTimeout: REBALANCE_MS,
        metadataMaxAge: METADATA_MAX_AGE_MS,
        maxBytesPerPartition: MAX_BYTES_PER_PARTITION,
        maxBytes: MAX_FETCH_BYTES,
        readUncommitted: true,
      }),
      topics: () => [...this.#handlers.keys()],
      // What was asked before this group first read is answered or has expired; nothing is skipped.
      fromBeginning: true,
      partitionsAtOnce: PARTITIONS_AT_ONCE,
      eachBatch: (payload) => this.#lanes.receive(payload),
      onJoin: (assignment) => this.#progress.joined(assignment),
      // The request goes out before the one that joins the group anew, so what was answered is not handed out again.
      onRebalancing: () => void this.#commit(),
      onStatus: (status) => this._status$.next(status),
    });
  }

  get counts(): KafkaRpcCounts {
    return { expired: this.#dispatch.expired, unanswerable: this.#reader?.unanswerable ?? 0 };
  }

  /** For liveness: false while there is no consumer because of what may well not pass. */
  isUp(): boolean {
    return this.#consumer.isUp;
  }

  /** For readiness: a member of its group. */
  isReading(): boolean {
    return this.#consumer.isReading;
  }

  /** Calls back when the partitions are assigned and replies can be written, or with what prevents that. */
  listen(callback: (error?: unknown) => void): void {
    this.#start().then(
      () => callback(),
      (error: unknown) => callback(startFault(error)),
    );
  }

  /** Stops reading, lets what is under way end, commits what was answered, and leaves the group. */
  async close(): Promise<void> {
    clearInterval(this.#commitTimer);
    await this.#lanes.close(this.#options.drainMs ?? 5_000);
    await within(LEAVE_WITHIN_MS, this.#commitLast());
    await this.#consumer.stop();
    await within(LEAVE_WITHIN_MS, this.#outbox.disconnect());
  }

  override on(): never {
    throw new Error('The Kafka RPC server has no events of its own; see `status`');
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the signature of Nest's own
  override unwrap<T>(): T {
    return [this.#kafka, this.#consumer.consumer, this.#outbox.producer] as T;
  }

  async #start(): Promise<void> {
    const { topicPrefix = '', replyTopics = [] } = this.#options;
    for (const [pattern, handler] of this.messageHandlers) {
      this.#handlers.set(topicPrefix + pattern, { pattern, handler: handler as Handler });
    }
    const own = [...this.#handlers].filter(([, { handler }]) => handler.isEventHandler !== true);
    this.#reader = new RequestReader(this.#kafka, [...own.map(([topic]) => `${topic}.reply`), ...replyTopics]);
    await this.#reader.open();
    await this.#outbox.connect();
    await this.#consumer.start();
    this.#commitTimer = setInterval(() => void this.#commit(), COMMIT_EVERY_MS).unref();
  }

  /** Only one that begins now knows all that was answered. */
  async #commitLast(): Promise<void> {
    await this.#committing;
    await this.#commit();
  }

  #commit(): Promise<void> {
    this.#committing ??= this.#commitProgress().finally(() => (this.#committing = undefined));
    return this.#committing;
  }

  async #commitProgress(): Promise<void> {
    if (!this.#consumer.isReading) return;
    try {
      await this.#progress.commit(this.#consumer.consumer);
    } catch (error) {
      this.logger.warn(`Offsets were not committed, which is tried again: ${String(error)}`);
    }
  }

  async #handle({ topic, partition, records: messages }: Chunk, over: () => void): Promise<void> {
    const known = this.#handlers.get(topic);
    if (known === undefined || this.#reader === undefined) {
      over();
      return;
    }
    const isEvent = known.handler.isEventHandler === true;
    const records = await this.#reader.read(messages, { isEvent });
    if (records.length === 0) {
      over();
      return;
    }
    const answers = new Answers(this.#outbox, records, over);
    const { pattern, handler } = known;
    try {
      if (takesList(handler)) await this.#handleList(pattern, partition, handler, records, answers);
      else {
        for (const [index, record] of records.entries())
          await this.#handleOne(topic, partition, handler, record, index, answers);
      }
    } catch (fault) {
      // Thrown on, it would end the consumer's turn and have the same records handed out again, for ever.
      this.logger.error(fault);
      answers.giveUp();
    }
    await answers.written();
  }

  #handleList(
    pattern: string,
    partition: number,
    handler: Handler,
    records: readonly Taken[],
    answers: Answers,
  ): Promise<void> {
    const context = new KafkaListContext([pattern, partition]);
    const settle = (index: number, outcome: Outcome) => this.#settle(answers, index, outcome);
    return new Promise((resolve) => {
      answers.whenOver(resolve);
      this.runWithProcessingHooks(context, async (runEndHook) => {
        const messages = records.map(({ delivery }) => delivery);
        await this.#dispatch.run({ topic: pattern, handler, context, messages, settle, returned: resolve });
        runEndHook();
      });
    });
  }

  /** As in stock Nest, but that a request whose deadline has passed is dropped, or no longer waited for. */
  #handleOne(
    topic: string,
    partition: number,
    handler: Handler,
    { delivery, message }: Taken,
    index: number,
    answers: Answers,
  ): Promise<void> {
    const context = new KafkaContext([
      decodeRecord(message, topic, partition) as never,
      partition,
      topic,
      this.#consumer.consumer,
      () => Promise.resolve(),
      this.#outbox.producer,
    ]);
    if (handler.isEventHandler === true) return this.#handleEvent(handler, delivery, context, index, answers);
    if (this.#dispatch.isExpired(delivery)) {
      answers.end(index);
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => answers.end(index), delivery.deadlineMs - Date.now());
      answers.whenOver(() => {
        clearTimeout(timer);
        resolve();
      }, index);
      const result: Promise<unknown> = handler(delivery.request, context);
      const response$ = this.transformToObservable(result);
      this.handleRequest(
        context,
        () => Promise.resolve(response$),
        (packet: WritePacket<unknown>) => {
          const thrown: unknown = packet.err;
          const isLast = packet.isDisposed === true || Boolean(thrown);
          if (thrown) this.#settle(answers, index, { kind: 'error', error: this.#dispatch.publicError(thrown) });
          else answers.reply(index, packet.response, isLast, (fault) => this.#dispatch.publicError(fault));
          resolve();
        },
      );
    });
  }

  #handleEvent(
    handler: Handler,
    { request }: Delivery<unknown>,
    context: KafkaContext,
    index: number,
    answers: Answers,
  ): Promise<void> {
    return new Promise((resolve) => {
      answers.whenOver(resolve, index);
      this.runWithProcessingHooks(context, async (runEndHook) => {
        try {
          const result: unknown = await handler(request, context);
          if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
        } catch (error) {
          // Handed out again it would fail again, and hold up all that come after it.
          this.logger.error(error);
        }
        runEndHook();
        answers.end(index);
      });
    });
  }

  /** A falsy error is a success without a value, as in stock Nest. */
  #settle(answers: Answers, index: number, outcome: Outcome): void {
    const errorOf = (fault: unknown) => this.#dispatch.publicError(fault);
    if (outcome.kind === 'expired') answers.end(index);
    else if (outcome.kind === 'reply') answers.reply(index, outcome.reply, true, errorOf);
    else if (outcome.error) answers.error(index, outcome.error);
    else answers.reply(index, null, true, errorOf);
  }
}
