import { randomBytes } from 'node:crypto';
import { ClientProxy, type MsPattern, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import { type Kafka, type KafkaMessage } from 'kafkajs';
import { Observable } from 'rxjs';
import { deadlineOf } from '#runtime/delivery';
import { RequestExpired, TransportClosed } from '#runtime/request-errors';
import { RequestRecord } from '#runtime/request-record';
import { type Flight, type Waiting } from './flight.ts';
import { JoinedQueue } from './joined-queue.ts';
import { type Joining } from './joining.ts';
import { connectKafka, type KafkaConnectionOptions } from './kafka-connection.ts';
import { refusalOf } from './kafka-faults.ts';
import { Outbox } from './outbox.ts';
import { PacedTelling } from './paced-telling.ts';
import { PendingRequests } from './pending-requests.ts';
import { ReplyConsumer, type ReplyPartitions } from './reply-consumer.ts';
import { within } from './within.ts';
import { encodeValue, isReplyTooLarge, readCorrelationId, readReply, requestMessage } from './wire.ts';

export interface KafkaRpcClientOptions extends KafkaConnectionOptions {
  /** The patterns that requests are sent to; each has a topic `.reply` beside it. Others can only be emitted to. */
  readonly patterns: readonly string[];
  /** Before every pattern, to make its topic. Default: none. */
  readonly topicPrefix?: string;
  /** By pattern: how its requests travel together. */
  readonly joining?: Readonly<Record<string, Joining>>;
  /** The partition of the reply topics to take. Default: one by chance. */
  readonly replyPartition?: number;
  /** How many requests may wait for their replies at once. Default 16,384. */
  readonly maxPending?: number;
  /** How many bytes they may have. Default 32 MiB. */
  readonly maxPendingBytes?: number;
  /** How long `close` waits for replies that are under way. Default 5 s. */
  readonly drainMs?: number;
}

const DISCONNECT_WITHIN_MS = 3_000;
const NOTHING = (): void => undefined;

interface Connected {
  readonly outbox: Outbox;
  readonly replies: ReplyConsumer;
  readonly partitions: ReplyPartitions;
}

/**
 * The caller's side of requests over Kafka, a Nest ClientProxy. A request fails with `RequestExpired` at its deadline,
 * whatever became of it; at once with `TransportOverloaded` or `RequestTooLarge`, then nothing was sent; with
 * `TransportClosed` when this client was closed; with Kafka's error when it can't be written; and with what the handler's
 * service put on the wire otherwise. To unsubscribe is to give the request up.
 *
 * Requests of one turn of the event loop go as one produce request; those of a topic with `joining` even as one message.
 */
export class KafkaRpcClient extends ClientProxy {
  readonly #options: KafkaRpcClientOptions;
  readonly #kafka: Kafka;
  readonly #flights = new Map<string, Flight>();
  readonly #pending: PendingRequests;
  readonly #telling = new PacedTelling();
  readonly #queues: ReadonlyMap<string, { readonly joining: Joining; readonly queue: JoinedQueue }>;
  /** What is to be done with those that wait for the first connection. */
  readonly #early = new Map<Waiting, () => void>();
  #connecting: Promise<Connected> | undefined;
  #connected: Connected | undefined;
  #isClosed = false;

  constructor(options: KafkaRpcClientOptions) {
    super();
    this.#options = options;
    this.#kafka = connectKafka(options);
    const { maxPending: requests = 16_384, maxPendingBytes: bytes = 32 * 1024 * 1024 } = options;
    this.#pending = new PendingRequests({ requests, bytes }, (waiting, isAnswered) => this.#over(waiting, isAnswered));
    this.#queues = new Map(
      Object.entries(options.joining ?? {}).map(([pattern, joining]) => {
        const queue = new JoinedQueue((members, ended) => this.#send(pattern, joining, members, ended));
        return [pattern, { joining, queue }];
      }),
    );
  }

  /** For liveness: false while nothing reads replies because of what may well not pass. True before the first request. */
  isUp(): boolean {
    return this.#connected?.replies.isUp ?? true;
  }

  /** For readiness. */
  isReading(): boolean {
    return this.#connected?.replies.isReading ?? false;
  }

  /**
   * Resolves when requests can be sent and answered; what failed is tried anew by the next call.
   * @throws {KafkaRefused} what no waiting mends
   */
  async connect(): Promise<void> {
    if (this.#isClosed) throw new TransportClosed('This client was closed.');
    this.#connecting ??= this.#connect().catch((error: unknown) => {
      this.#connecting = undefined;
      throw error;
    });
    await this.#connecting;
  }

  /** Lets what is under way be answered, then fails the rest. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pending.drained(this.#options.drainMs ?? 5_000);
    this.#pending.failAll(() => new TransportClosed('This client was closed.'));
    const closing = this.#connecting?.then(async ({ replies, outbox }) => {
      await within(DISCONNECT_WITHIN_MS, replies.stop());
      await within(DISCONNECT_WITHIN_MS, outbox.disconnect());
    });
    // A broker that takes connections and says nothing holds up a connection that has begun for longer than any end may take.
    if (closing !== undefined) await within(3 * DISCONNECT_WITHIN_MS, closing);
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the signature of Nest's own
  override unwrap<T>(): T {
    return this.#kafka as T;
  }

  /**
   * As ClientProxy's own, without the promise and the two operators that it puts around every request: they were a third of
   * what one costs its caller. And what waits for the first connection has its bounds and its deadline, too.
   */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the signature of Nest's own
  override send<TResult = unknown, TInput = unknown>(pattern: unknown, data: TInput): Observable<TResult> {
    // What is refused is refused as ever.
    if (this.#isClosed || pattern == null || data == null) return super.send(pattern, data);
    return new Observable<TResult>((observer) =>
      this.publish(this.createPacket(pattern, data), this.createObserver(observer)),
    );
  }

  /** As `send`, without the Observable, which is a third of what is left. */
  ask(pattern: string, record: RequestRecord, receive: (packet: WritePacket) => void): () => void {
    return this.#ask(this.normalizePattern(pattern), record, receive);
  }

  protected publish({ pattern, data }: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    const record = data instanceof RequestRecord ? data : new RequestRecord<unknown>(data);
    return this.#ask(this.normalizePattern(pattern as MsPattern), record, callback);
  }

  /** Whatever a closure is made of here stays until the reply comes: no more than it needs. */
  #ask(pattern: string, { request, options }: RequestRecord, callback: (packet: WritePacket) => void): () => void {
    const waiting = this.#admit(request, options.deadlineMs, callback);
    if (waiting === undefined) return NOTHING;
    if (this.#connected === undefined) this.#goOnceConnected(pattern, request, waiting);
    else this.#go(pattern, request, waiting);
    return this.#givingUp(waiting);
  }

  /** @returns undefined where its caller was told already that nothing will come of it */
  #admit(request: unknown, askedMs: number | undefined, callback: (packet: WritePacket) => void): Waiting | undefined {
    const nowMs = Date.now();
    const deadlineMs = deadlineOf(askedMs, nowMs);
    let waiting: Waiting;
    try {
      if (this.#isClosed) throw new TransportClosed('This client was closed.');
      const endsAtMs = performance.now() + deadlineMs - nowMs;
      waiting = this.#pending.admit(encodeValue(request), deadlineMs, endsAtMs, callback, this.#connected?.outbox);
    } catch (fault) {
      callback({ err: fault });
      return undefined;
    }
    if (deadlineMs <= nowMs) {
      this.#pending.fail(waiting, new RequestExpired());
      return undefined;
    }
    this.#pending.watch(waiting);
    return waiting;
  }

  #givingUp(waiting: Waiting): () => void {
    return () => this.#pending.giveUp(waiting);
  }

  #go(pattern: string, request: unknown, waiting: Waiting): void {
    const joined = this.#queues.get(pattern);
    const isJson = typeof waiting.text === 'string' && waiting.text.startsWith('{');
    if (isJson && joined?.joining.canJoin(request) === true) joined.queue.add(waiting);
    else this.#send(pattern, undefined, [waiting], NOTHING);
  }

  #goOnceConnected(pattern: string, request: unknown, waiting: Waiting): void {
    this.#early.set(waiting, () => this.#go(pattern, request, waiting));
    if (this.#early.size > 1) return;
    this.connect().then(
      () => {
        for (const [early, send] of this.#early) {
          this.#early.delete(early);
          send();
        }
      },
      (error: unknown) => {
        for (const early of this.#early.keys()) this.#pending.fail(early, error as Error);
      },
    );
  }

  /** Resolves when the event is in its topic, on all replicas that are in sync. */
  protected async dispatchEvent<T>(packet: ReadPacket): Promise<T> {
    const topic = this.#topic(this.normalizePattern(packet.pattern as MsPattern));
    const messages = [{ value: encodeValue(packet.data) }];
    await this.#connected?.outbox.producer.send({ topic, messages, acks: -1 });
    return undefined as T;
  }

  async #connect(): Promise<Connected> {
    const outbox = new Outbox(this.#kafka);
    const replies = new ReplyConsumer(
      this.#kafka,
      (message) => this.#receive(message),
      (status) => this._status$.next(status),
    );
    try {
      await outbox.connect();
      const topics = this.#options.patterns.map((pattern) => this.#replyTopic(pattern));
      const partitions = await replies.start(topics, this.#options.replyPartition);
      this.#connected = { outbox, replies, partitions };
      return this.#connected;
    } catch (error) {
      await within(DISCONNECT_WITHIN_MS, Promise.allSettled([replies.stop(), outbox.disconnect()]));
      throw refusalOf(error) ?? error;
    }
  }

  #send(
    pattern: string,
    joining: Joining | undefined,
    members: readonly Waiting[],
    ended: (isAnswered: boolean) => void,
  ): Flight {
    // All of it anew for each message: whoever reads the replies sees ids, and must not know the next one by them.
    const correlationId = randomBytes(16).toString('base64url');
    const sentAtMs = performance.now();
    const flight: Flight = { correlationId, pattern, members, joining, open: members.length, sentAtMs, ended };
    for (const member of members) member.flight = flight;
    this.#flights.set(correlationId, flight);
    const [only] = members;
    const value =
      only !== undefined && members.length === 1
        ? only.text
        : (joining?.join(members.map(({ text }) => text as string)) ?? null);
    const deadlineMs = Math.max(...members.map((member) => member.deadlineMs));
    const replyTopic = this.#replyTopic(pattern);
    const replyPartition = this.#connected?.partitions.get(replyTopic);
    if (this.#connected === undefined || replyPartition === undefined) {
      const reason = `Replies to ${pattern} are not read: it is not among the client’s patterns`;
      queueMicrotask(() => this.#failAll(flight, new Error(reason)));
      return flight;
    }
    this.#connected.outbox.add({
      topic: this.#topic(pattern),
      message: requestMessage({ value, correlationId, replyTopic, replyPartition, deadlineMs }),
      deadlineMs,
      isWanted: () => flight.open > 0,
      // What has expired meanwhile its callers know already.
      settle: (error) => {
        if (error instanceof Error) this.#failAll(flight, error);
      },
    });
    return flight;
  }

  #receive(message: KafkaMessage): void {
    const id = readCorrelationId(message);
    const flight = id === undefined ? undefined : this.#flights.get(id);
    if (flight === undefined) return;
    const reply = readReply(message);
    const { members } = flight;
    if (members.length > 1 && 'err' in reply && isReplyTooLarge(reply.err)) this.#sendHalves(flight);
    else if (members.length === 1 || 'err' in reply) for (const member of members) this.#pending.deliver(member, reply);
    else if (reply.isDisposed) this.#deliverApart(flight, reply.response);
  }

  #deliverApart(flight: Flight, reply: unknown): void {
    const { members, joining, pattern } = flight;
    const replies = joining?.split(reply, members.length);
    if (replies?.length === members.length) {
      this.#telling.add(members.length, () => {
        for (const [index, member] of members.entries())
          this.#pending.deliver(member, { response: replies[index], isDisposed: true });
      });
    } else if (joining?.isForEach(reply) === true) {
      for (const member of members) this.#pending.deliver(member, { response: reply, isDisposed: true });
    } else this.#failAll(flight, new Error(`A reply to joined requests of ${pattern} does not come apart`));
  }

  /** Each asked as before with its own deadline; the flight has ended when both halves have. */
  #sendHalves(flight: Flight): void {
    this.#flights.delete(flight.correlationId);
    const open = flight.members.filter(({ isOver }) => !isOver);
    const middle = Math.ceil(open.length / 2);
    const halves = [open.slice(0, middle), open.slice(middle)].filter(({ length }) => length > 0);
    let left = halves.length;
    const ended = () => {
      left -= 1;
      if (left === 0) flight.ended(false);
    };
    for (const half of halves) this.#send(flight.pattern, flight.joining, half, ended);
  }

  #failAll({ members }: Flight, error: Error): void {
    for (const member of members) this.#pending.fail(member, error);
  }

  #over(waiting: Waiting, isAnswered: boolean): void {
    this.#early.delete(waiting);
    const { flight } = waiting;
    if (flight === undefined) return;
    flight.open -= 1;
    if (flight.open > 0) return;
    this.#flights.delete(flight.correlationId);
    flight.ended(isAnswered);
  }

  #topic(pattern: string): string {
    return (this.#options.topicPrefix ?? '') + pattern;
  }

  #replyTopic(pattern: string): string {
    return `${this.#topic(pattern)}.reply`;
  }
}
