import { randomUUID } from 'node:crypto';
import { type EventStore } from '#event-store/event-store';
import { type SubscriptionState } from '#event-store/subscription';
import { type Position, type RecordedEvent } from '#event-store/recorded-event';
import { GenerationBehind, GenerationLost } from '#key-lookup/generation-writer';
import { type LastUseRemoval } from '#key-lookup/last-use';
import { type Checkpoint } from '#key-lookup/lookup-store';
import { type KeyChangeFeed } from './key-change-feed.ts';
import { LogReplaced, requireEventAt, requireLogId, requireSameEvent } from './log-identity.ts';
import { type OpenGeneration } from './open-generation.ts';
import { type ProjectionRecord } from './projection-record.ts';
import { projectEvents, STREAM_PREFIX } from './project-events.ts';
import { Wakeable } from './wakeable.ts';

export interface ProjectionOptions {
  readonly proofIntervalMs: number;
  /** How long a proof may take and still give a stamp; the staleness bound is off by no more than this. */
  readonly maxProofMs: number;
  readonly monotonicMs: () => number;
  /** Told of what the live generation got, and of each proof. */
  readonly feed?: KeyChangeFeed | undefined;
  /** Told of the keys that are deleted, once or more often. */
  readonly lastUse?: LastUseRemoval | undefined;
}

/**
 * One generation that follows the log, until it is stopped or can't be followed any more. Two things read the log: a
 * subscription, which sees our streams only, and each second the head proof, which reads whatever lies between the
 * checkpoint and the head, and so also covers what a subscription keeps to itself. Both go through one queue, and the
 * writer drops what it has, so they may overlap in any way. Nothing else moves a checkpoint: not a subscription's own.
 */
export class Projection {
  readonly #store: EventStore;
  readonly #generation: OpenGeneration;
  readonly #record: ProjectionRecord;
  readonly #options: ProjectionOptions;
  readonly #proofDue = new Wakeable();
  readonly #stop = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  /** Up to where the subscription has delivered; where it (re)starts, the checkpoint. */
  #delivered: Position | undefined;
  /** Must be found in the log before anything is applied that this subscription delivers. */
  #unchecked: Checkpoint | undefined;
  #batches = 0;
  #hasTried = false;
  #isConnected = false;
  #isLive = false;
  /** Grows each time that the log goes out of sight or comes back. A proof that began before says nothing about that. */
  #doubts = 0;
  #wentLive = false;
  /** Of the writer, when it was last looked at. */
  #overtaken = 0;

  constructor(store: EventStore, generation: OpenGeneration, record: ProjectionRecord, options: ProjectionOptions) {
    this.#store = store;
    this.#generation = generation;
    this.#record = record;
    this.#options = options;
  }

  /**
   * Resolves when `signal` aborts. @throws LogReplaced, GenerationLost: it has to be built anew. Faults of the servers end
   * nothing: the subscription reconnects by itself, and the head proof tries again.
   */
  async follow(signal: AbortSignal): Promise<void> {
    const stop = () => this.#stop.abort();
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    try {
      // Nobody knows what was done to the log while no projector followed it.
      this.#doubt();
      await Promise.all([this.#subscribe(), this.#keepProving()]);
      await this.#turn;
    } finally {
      signal.removeEventListener('abort', stop);
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #subscribe(): Promise<void> {
    await this.#store.subscribe({
      prefixes: [STREAM_PREFIX],
      after: () => {
        const { furthest, resumeAfter } = this.#generation.writer;
        this.#unchecked = furthest;
        return (this.#delivered = resumeAfter);
      },
      onBatch: (events) => this.#onBatch(events),
      signal: this.#stop.signal,
      onState: (state, error) => this.#onState(state, error),
    });
  }

  #onState(state: SubscriptionState, error: unknown): void {
    const isNew = state === 'lost' || !this.#isConnected;
    this.#hasTried = true;
    this.#isConnected = state !== 'lost';
    this.#isLive = state === 'live';
    if (state === 'lost') this.#record.fault(error);
    if (isNew) this.#doubt();
    // A first connection has the whole log to deliver yet; after another one, all waits for the proof.
    if (this.#isLive || (isNew && this.#isConnected && this.#wentLive)) this.#proofDue.wake();
  }

  /** The log may be exchanged while nobody looks: until the next proof, what is known meets no `minPosition`. */
  #doubt(): void {
    this.#doubts += 1;
    this.#inTurn(() => this.#generation.writer.doubt()).catch((error: unknown) => {
      this.#giveUpOn(error);
      this.#record.fault(error);
    });
    // Nor may a cache meet one by what it holds.
    if (this.#wentLive) this.#tellAnew();
  }

  async #onBatch(events: readonly RecordedEvent[]): Promise<void> {
    const last = endOf(events);
    if (last === undefined) return;
    try {
      if (this.#unchecked !== undefined) await requireEventAt(this.#store, this.#unchecked, this.#stop.signal);
      this.#unchecked = undefined;
      await this.#apply(events, this.#delivered, last);
      this.#delivered = last;
      this.#batches += 1;
    } catch (error) {
      this.#giveUpOn(error);
      throw error;
    }
  }

  /** A proof as soon as the subscription is live, then one each interval; none while it is busy catching up. */
  async #keepProving(): Promise<void> {
    const { signal } = this.#stop;
    let batchesBefore = -1;
    while (!signal.aborted) {
      const isQuiet = this.#batches === batchesBefore;
      batchesBefore = this.#batches;
      if (this.#isLive || (isQuiet && this.#hasTried)) await this.#tryToProve();
      await this.#proofDue.wait(this.#options.proofIntervalMs, signal);
    }
  }

  async #tryToProve(): Promise<void> {
    const startedMs = this.#options.monotonicMs();
    const doubts = this.#doubts;
    try {
      const head = await this.#prove(startedMs);
      if (head === undefined) {
        this.#proofDue.wake();
        return;
      }
      await this.#stayLive();
      this.#record.proved(startedMs);
      if (doubts === this.#doubts) this.#options.feed?.proved(head.commit, startedMs);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#giveUpOn(error);
      this.#record.fault(error);
      this.#doubt();
    }
  }

  /** The first time it becomes the live one; later, another may have taken its place. */
  async #stayLive(): Promise<void> {
    const { goLive, isLive, writer } = this.#generation;
    if (!(await (this.#wentLive ? isLive() : goLive()))) throw new GenerationLost(writer.name);
    if (this.#wentLive) return;
    this.#wentLive = true;
    this.#tellAnew();
  }

  /** Whatever was told before, by whom, and from which generation and log. */
  #tellAnew(): void {
    const { origin, furthest } = this.#generation.writer;
    this.#options.feed?.begin(origin.logId, furthest?.commit);
  }

  /**
   * @param startedMs of the monotonic clock: what the log got later is not covered
   * @returns up to where; undefined where it began too long ago for a stamp, which would make old verdicts pass for fresh
   * @throws LogReplaced; every fault of the servers: then nothing is proved, and the stamps stay as they are
   */
  async #prove(startedMs: number): Promise<Position | undefined> {
    const { writer } = this.#generation;
    const { signal } = this.#stop;
    const doubts = this.#doubts;
    // Taken before the head is read: whatever is applied from now on may well be newer than that head.
    const { furthest, resumeAfter } = writer;
    const head = await this.#store.readHead({ signal });
    if (head === undefined) throw new LogReplaced('The log is empty.');
    if (furthest !== undefined && furthest.commit > head.commit) {
      throw new LogReplaced('The lookup holds events beyond the head of the log.');
    }
    if (furthest?.commit === head.commit) requireSameEvent(furthest, head.eventId);
    else if (furthest !== undefined) await requireEventAt(this.#store, furthest, signal);
    let after: Position | undefined = resumeAfter;
    if (after === undefined || after.commit < head.commit) {
      for await (const events of this.#store.readAll({ after, upTo: head, signal })) {
        const last = endOf(events);
        if (last === undefined) continue;
        await this.#apply(events, after, last);
        after = last;
      }
      // Both asked last: had the log been replaced on the way, the head and the events could be those of two.
      await requireEventAt(this.#store, head, signal);
    }
    await requireLogId(this.#store, writer.origin.logId, signal);
    const isTimely = await this.#inTurn(async () => {
      const { monotonicMs, maxProofMs } = this.#options;
      const isInTime = monotonicMs() - startedMs <= maxProofMs;
      const isInSight = doubts === this.#doubts;
      const stamp = isInTime && { stamp: randomUUID(), ...(isInSight && ({ unproved: false } as const)) };
      await writer.apply({ after, upTo: head, events: [], ...stamp });
      return isInTime;
    });
    this.#record.reached(head);
    if (doubts !== this.#doubts) this.#proofDue.wake();
    return isTimely ? head : undefined;
  }

  async #apply(recorded: readonly RecordedEvent[], after: Position | undefined, upTo: Checkpoint): Promise<void> {
    await this.#inTurn(async () => {
      const { writer } = this.#generation;
      // What the other reader of the log has brought already is neither done nor counted again. What is left begins after
      // it: a shard that has lost some of it meanwhile must be found to be behind, not be given the rest over the hole.
      const reached = writer.resumeAfter;
      if (reached !== undefined && upTo.commit <= reached.commit) return;
      const isPartly = reached !== undefined && (after === undefined || after.commit < reached.commit);
      const from = isPartly ? reached : after;
      const left = isPartly ? recorded.filter(({ position }) => position.commit > reached.commit) : recorded;
      const { events, deleted, skipped } = projectEvents(left);
      const { refused } = await writer.apply({ after: from, upTo, events });
      this.#record.applied({ events: events.length, skipped, refused, upTo });
      if (deleted.length > 0) this.#options.lastUse?.forget(deleted);
      if (this.#wentLive) this.#options.feed?.applied(events);
    });
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(async () => {
      try {
        return await work();
      } catch (error) {
        // A shard is not where it was, as after its server was restored: resume from where it really is.
        if (error instanceof GenerationBehind) await this.#generation.writer.refresh();
        throw error;
      } finally {
        this.#noticeOthers();
      }
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** What another projector applied, this one was not asked to tell; and the other may end before it does. */
  #noticeOthers(): void {
    const { overtaken } = this.#generation.writer;
    if (overtaken === this.#overtaken) return;
    this.#overtaken = overtaken;
    if (this.#wentLive) this.#tellAnew();
  }

  /** Faults pass; these don't. */
  #giveUpOn(error: unknown): void {
    if (!(error instanceof LogReplaced || error instanceof GenerationLost)) return;
    this.#failure ??= { error };
    this.#stop.abort();
  }
}

/** Where the last of the events is, and which one that is. */
function endOf(events: readonly RecordedEvent[]): Checkpoint | undefined {
  const last = events.at(-1);
  return last === undefined ? undefined : { ...last.position, eventId: last.id };
}
