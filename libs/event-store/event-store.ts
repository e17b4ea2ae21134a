import { appendEvents, type AppendResult } from './append-events.ts';
import { Connection } from './connection.ts';
import {
  readAll,
  readEventAt,
  readHead,
  readStream,
  type Head,
  type ReadAllOptions,
  type StreamRead,
} from './read-events.ts';
import { type NewEvent, type Position, type RecordedEvent } from './recorded-event.ts';
import { subscribe, type SubscribeOptions, type SubscriptionTimeouts } from './subscription.ts';
import { untilKnown, type CallOptions, type Timeouts } from './until-known.ts';

export interface EventStoreOptions extends Partial<Timeouts>, Partial<SubscriptionTimeouts> {}

const DEFAULTS: Timeouts & SubscriptionTimeouts = {
  callMs: 10_000,
  silenceMs: 3_000,
  confirmMs: 5_000,
  backOff: { firstMs: 50, maxMs: 2_000 },
};

/**
 * EventStoreDB as this system uses it. One per process: its connection is shared by all calls. Every method but `close`
 * throws EventStoreUnavailable for every fault of the store or of the way to it, within its deadline.
 */
export class EventStore {
  readonly #connection: Connection;
  readonly #timeouts: Timeouts & SubscriptionTimeouts;

  private constructor(url: string, options: EventStoreOptions) {
    this.#connection = new Connection(url);
    this.#timeouts = { ...DEFAULTS, ...options };
  }

  /**
   * Connects with the first call, so a server that is down is no fault yet.
   * @param url `esdb://…` or `esdb+discover://…`. Throws a TypeError, without the string, where it can't be used.
   */
  static connect(url: string, options: EventStoreOptions = {}): EventStore {
    return new EventStore(url, options);
  }

  /** All events of the stream from `fromRevision` on (inclusive), as the leader has them. */
  readStream(stream: string, fromRevision = 0n, options: CallOptions = {}): Promise<StreamRead> {
    return this.#untilKnown('a stream’s read', options, readStream(stream, fromRevision));
  }

  /**
   * All of the events or none, if `expected` is the stream's last revision (`none`: it has no events). An attempt with an
   * unknown end is repeated with the same ids until its outcome is known; past the deadline (default: 10 s) it throws,
   * and the events may or may not be stored. Throws UnserialisableEvent for what is no JSON.
   */
  async append(
    stream: string,
    expected: bigint | 'none',
    events: readonly NewEvent[],
    options: CallOptions = {},
  ): Promise<AppendResult> {
    return this.#untilKnown('an append', options, appendEvents(stream, expected, events));
  }

  /** The newest position of `$all`, as the leader has it, whoever's event that is; undefined while the log is empty. */
  readHead(options: CallOptions = {}): Promise<Head | undefined> {
    return this.#untilKnown('a read of the head', options, readHead());
  }

  /** The event at exactly this position of `$all`, as the leader has it, whoever's it is; undefined: there is none. */
  readEventAt(position: Position, options: CallOptions = {}): Promise<RecordedEvent | undefined> {
    return this.#untilKnown('a read of one event', options, readEventAt(position));
  }

  /** The whole log between two positions, in order, without the system's own events. A consumer may stop at any time. */
  readAll(options: ReadAllOptions = {}): AsyncIterable<RecordedEvent[]> {
    return readAll(this.#connection, this.#timeouts.silenceMs, options);
  }

  /** Follows the log until `signal` aborts; resolves then, when the last batch is handled. */
  subscribe(options: SubscribeOptions): Promise<void> {
    return subscribe(this.#connection, this.#timeouts, options);
  }

  /** Cancels reads and subscriptions; an append on its way is still waited for by its caller. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  #untilKnown<T>(operation: string, options: CallOptions, attempt: Parameters<typeof untilKnown<T>>[4]): Promise<T> {
    return untilKnown(operation, this.#connection, this.#timeouts, options, attempt);
  }
}
