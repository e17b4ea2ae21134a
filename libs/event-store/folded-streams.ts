import { type EventStore } from './event-store.ts';
import { type Position, type RecordedEvent } from './recorded-event.ts';
import { type CallOptions } from './until-known.ts';

/** `evolve` returns a state and leaves the one that it is given as it was: several loads may go on from the same one. */
export interface Fold<State> {
  readonly initial: () => State;
  readonly evolve: (state: State, event: RecordedEvent) => State;
}

export interface Folded<State> {
  readonly state: State;
  /** What an append names as expected. */
  readonly revision: bigint | 'none';
  /** Of the stream's last event. */
  readonly position: Position | undefined;
  /** Nothing can be appended any more; the state is the initial one. */
  readonly tombstoned: boolean;
}

/** `events` is how many were folded into the state, the measure of what it takes up. */
interface Kept<State> {
  readonly state: State;
  readonly last: RecordedEvent;
  readonly events: number;
}

interface Pending<State> {
  readonly result: Promise<Folded<State>>;
  deadlineMs: number | undefined;
}

/**
 * The folded state of streams, with the least recently loaded ones forgotten. What is kept only saves reading: every load
 * asks the leader, from the last known event on, and takes that event's id as the proof that this is still the log
 * that the state came from.
 */
export class FoldedStreams<State> {
  /** In order of last use. */
  readonly #kept = new Map<string, Kept<State>>();
  #events = 0;
  readonly #pending = new Map<string, Pending<State>>();

  /** @param limits `maxEvents`: how many events the kept states may be made of, all together. */
  constructor(
    private readonly store: EventStore,
    private readonly fold: Fold<State>,
    private readonly limits: { readonly maxEvents: number },
  ) {}

  /**
   * The stream as it is now: everything that was acknowledged before the call is in it. Loads of one stream that are called
   * in the same turn share one read, which starts after all of them; none joins a read that has started.
   */
  load(stream: string, options: CallOptions = {}): Promise<Folded<State>> {
    if (options.signal !== undefined) return this.#load(stream, options);
    const pending = this.#pending.get(stream);
    if (pending !== undefined) {
      pending.deadlineMs = later(pending.deadlineMs, options.deadlineMs);
      return pending.result;
    }
    const started: Pending<State> = {
      deadlineMs: options.deadlineMs,
      result: Promise.resolve().then(() => {
        this.#pending.delete(stream);
        return this.#load(stream, { deadlineMs: started.deadlineMs });
      }),
    };
    this.#pending.set(stream, started);
    return started.result;
  }

  async #load(stream: string, options: CallOptions): Promise<Folded<State>> {
    const from = this.#kept.get(stream);
    if (from !== undefined) {
      const read = await this.store.readStream(stream, from.last.revision, options);
      const known = read.outcome === 'found' ? read.events[0] : undefined;
      if (read.outcome === 'found' && known?.revision === from.last.revision && known.id === from.last.id) {
        return this.#keep(stream, from, from, read.events.slice(1));
      }
    }
    const read = await this.store.readStream(stream, 0n, options);
    if (read.outcome === 'found') return this.#keep(stream, from, undefined, read.events);
    if (this.#kept.get(stream) === from) this.#forget(stream);
    return this.#nothing(read.outcome === 'tombstoned');
  }

  /** Keeps what was folded, unless another load has meanwhile come further on the same ground. */
  #keep(
    stream: string,
    seen: Kept<State> | undefined,
    base: Kept<State> | undefined,
    events: readonly RecordedEvent[],
  ): Folded<State> {
    const last = events.at(-1) ?? base?.last;
    if (last === undefined) return this.#nothing(false);
    const state = events.reduce(this.fold.evolve, base === undefined ? this.fold.initial() : base.state);
    const folded: Kept<State> =
      base !== undefined && events.length === 0 ? base : { state, last, events: (base?.events ?? 0) + events.length };
    const current = this.#kept.get(stream);
    if (current === seen || (current?.last.revision ?? -1n) < last.revision) {
      this.#forget(stream);
      this.#kept.set(stream, folded);
      this.#events += folded.events;
      this.#shrink();
    }
    return { state, revision: last.revision, position: last.position, tombstoned: false };
  }

  #shrink(): void {
    for (const stream of this.#kept.keys()) {
      if (this.#events <= this.limits.maxEvents) return;
      this.#forget(stream);
    }
  }

  #forget(stream: string): void {
    this.#events -= this.#kept.get(stream)?.events ?? 0;
    this.#kept.delete(stream);
  }

  #nothing(tombstoned: boolean): Folded<State> {
    return { state: this.fold.initial(), revision: 'none', position: undefined, tombstoned };
  }
}

/** The later of two deadlines; none given means the default, which is then good enough for both. */
function later(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : Math.max(one, other);
}
