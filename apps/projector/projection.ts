import { randomUUID } from 'node:crypto';
import { type EventStore } from '#event-store/event-store';
import { type Position, type RecordedEvent } from '#event-store/recorded-event';
import { GenerationBehind, GenerationLost } from '#key-lookup/generation-writer';
import { readLogId } from './log-identity.ts';
import { type OpenGeneration } from './open-generation.ts';
import { type ProjectionRecord } from './projection-record.ts';
import { projectEvents, STREAM_PREFIX } from './project-events.ts';
import { Wakeable } from './wakeable.ts';

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
  readonly #proofIntervalMs: number;
  readonly #proofDue = new Wakeable();
  readonly #stop = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  /** Up to where the subscription has delivered; where it (re)starts, the checkpoint. */
  #delivered: Position | undefined;
  #batches = 0;
  #isLive = false;
  #wentLive = false;

  constructor(
    store: EventStore,
    generation: OpenGeneration,
    record: ProjectionRecord,
    options: { readonly proofIntervalMs: number },
  ) {
    this.#store = store;
    this.#generation = generation;
    this.#record = record;
    this.#proofIntervalMs = options.proofIntervalMs;
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
      await Promise.all([this.#subscribe(), this.#keepProving()]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #subscribe(): Promise<void> {
    await this.#store.subscribe({
      prefixes: [STREAM_PREFIX],
      after: () => (this.#delivered = this.#generation.writer.resumeAfter),
      onBatch: (events) => this.#onBatch(events),
      signal: this.#stop.signal,
      onState: (state, error) => {
        this.#isLive = state === 'live';
        if (state === 'live') this.#proofDue.wake();
        if (state === 'lost') this.#record.fault(error);
      },
    });
  }

  async #onBatch(events: readonly RecordedEvent[]): Promise<void> {
    const last = events.at(-1)?.position;
    if (last === undefined) return;
    try {
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
      if (this.#isLive || isQuiet) await this.#tryToProve();
      await this.#proofDue.wait(this.#proofIntervalMs, signal);
    }
  }

  async #tryToProve(): Promise<void> {
    try {
      await this.#prove();
      if (!this.#wentLive && !(await this.#generation.goLive())) throw new GenerationLost(this.#generation.writer.name);
      this.#wentLive = true;
      this.#record.proved();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#giveUpOn(error);
      this.#record.fault(error);
    }
  }

  /** @throws LogReplaced; every fault of the servers: then nothing is proved, and the stamps stay as they are */
  async #prove(): Promise<void> {
    const { writer } = this.#generation;
    // Taken before the head is read: whatever is applied from now on may well be newer than that head.
    const { furthest, resumeAfter } = writer;
    const head = await this.#store.readHead();
    if (head === undefined) throw new LogReplaced('The log is empty.');
    if (furthest !== undefined && furthest.commit > head.commit) {
      throw new LogReplaced('The lookup holds events beyond the head of the log.');
    }
    let after = resumeAfter;
    if (after === undefined || after.commit < head.commit) {
      for await (const events of this.#store.readAll({ after, upTo: head, signal: this.#stop.signal })) {
        const last = events.at(-1)?.position;
        if (last === undefined) continue;
        await this.#apply(events, after, last);
        after = last;
      }
    }
    // Asked last: had the log been replaced before, the head and the events would be those of another one.
    if ((await readLogId(this.#store)) !== writer.origin.logId) throw new LogReplaced('The log has another id.');
    await this.#inTurn(() => writer.apply({ after, upTo: head, events: [], stamp: randomUUID() }));
    this.#record.reached(head);
  }

  async #apply(recorded: readonly RecordedEvent[], after: Position | undefined, upTo: Position): Promise<void> {
    await this.#inTurn(async () => {
      const { writer } = this.#generation;
      // What the other reader of the log has brought already is neither done nor counted again.
      const done = writer.resumeAfter?.commit ?? -1n;
      const { events, skipped } = projectEvents(recorded.filter(({ position }) => position.commit > done));
      const { refused } = await writer.apply({ after, upTo, events });
      this.#record.applied({ events: events.length, skipped, refused, upTo });
    });
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    try {
      return await done;
    } catch (error) {
      // A shard is not where it was, as after its server was restored: resume from where it really is.
      if (error instanceof GenerationBehind) await this.#generation.writer.refresh();
      throw error;
    }
  }

  /** Faults pass; these don't. */
  #giveUpOn(error: unknown): void {
    if (!(error instanceof LogReplaced || error instanceof GenerationLost)) return;
    this.#failure ??= { error };
    this.#stop.abort();
  }
}

/** The log is not the one that the generation was built from, or lost its end. */
export class LogReplaced extends Error {
  override readonly name = 'LogReplaced';
}
