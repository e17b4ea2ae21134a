import { type Position } from '#event-store/recorded-event';
import { type SkippedEvent } from './project-events.ts';

export interface ProjectionStatus {
  /** A generation of the log that was found at start was proved complete, and went live. */
  readonly caughtUp: boolean;
  /** Since the last proof began that nothing was left to apply; undefined before the first. */
  readonly provedAgoMs: number | undefined;
  /** Of the newest event that was applied or proved to be the head. */
  readonly position: bigint | undefined;
  /** Events that the lookup had not seen and that touch some hash. */
  readonly events: number;
  readonly skippedUnknown: number;
  /** Changes that did nothing, because the entry is not their owner's. */
  readonly refused: number;
  readonly proofs: number;
  readonly faults: number;
  readonly rebuilds: number;
}

export interface ProjectionListener {
  /** The first fault after all was well. Not called again before `onRecovery`. */
  readonly onFault?: (fault: unknown) => void;
  readonly onRecovery?: () => void;
  /** The log was replaced or the lookup lost. */
  readonly onRebuild?: (reason: unknown) => void;
  /** The first event of each stream, type and reason that is passed over; of a hundred such kinds, then no more. */
  readonly onSkipped?: (event: SkippedEvent) => void;
}

const MAX_SKIPPED_KINDS = 100;

/** What a projector says about itself. */
export class ProjectionRecord {
  readonly #listener: ProjectionListener;
  readonly #monotonicMs: () => number;
  readonly #counts = { events: 0, skippedUnknown: 0, refused: 0, proofs: 0, faults: 0, rebuilds: 0 };
  #caughtUp = false;
  #provedAtMs: number | undefined;
  #position: bigint | undefined;
  #isFaulty = false;
  readonly #skippedKinds = new Set<string>();

  constructor(listener: ProjectionListener, monotonicMs: () => number) {
    this.#listener = listener;
    this.#monotonicMs = monotonicMs;
  }

  get status(): ProjectionStatus {
    const provedAgoMs = this.#provedAtMs === undefined ? undefined : this.#monotonicMs() - this.#provedAtMs;
    return { ...this.#counts, caughtUp: this.#caughtUp, provedAgoMs, position: this.#position };
  }

  applied(batch: { events: number; skipped: readonly SkippedEvent[]; refused: number; upTo: Position }): void {
    this.#counts.events += batch.events;
    this.#counts.skippedUnknown += batch.skipped.length;
    for (const event of batch.skipped) this.#tellSkipped(event);
    this.#counts.refused += batch.refused;
    this.reached(batch.upTo);
  }

  /** The first of a kind: a newer version may have written any number of them. */
  #tellSkipped(event: SkippedEvent): void {
    if (this.#skippedKinds.size >= MAX_SKIPPED_KINDS) return;
    const kind = JSON.stringify([event.stream, event.type, event.reason]);
    if (this.#skippedKinds.has(kind)) return;
    this.#skippedKinds.add(kind);
    this.#listener.onSkipped?.(event);
  }

  reached({ commit }: Position): void {
    if (this.#position === undefined || this.#position < commit) this.#position = commit;
  }

  /** @param startedMs when the proof began: what came later it does not cover */
  proved(startedMs: number): void {
    this.#counts.proofs += 1;
    this.#caughtUp = true;
    this.#provedAtMs = startedMs;
    if (this.#isFaulty) this.#listener.onRecovery?.();
    this.#isFaulty = false;
  }

  fault(fault: unknown): void {
    this.#counts.faults += 1;
    if (!this.#isFaulty) this.#listener.onFault?.(fault);
    this.#isFaulty = true;
  }

  rebuild(reason: unknown): void {
    this.#counts.rebuilds += 1;
    this.#caughtUp = false;
    this.#position = undefined;
    this.#listener.onRebuild?.(reason);
  }
}
