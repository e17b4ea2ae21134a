import { type EventStore } from '#event-store/event-store';
import { GenerationLost } from '#key-lookup/generation-writer';
import { type LookupStore } from '#key-lookup/lookup-store';
import { ensureLogId } from './log-identity.ts';
import { openGeneration } from './open-generation.ts';
import { LogReplaced, Projection } from './projection.ts';
import { type ProjectionListener, ProjectionRecord, type ProjectionStatus } from './projection-record.ts';
import { Wakeable } from './wakeable.ts';

export interface ProjectorOptions {
  readonly eventStore: EventStore;
  readonly lookup: LookupStore;
  /** Of generations that it builds: setting LOOKUP_SHARDS. */
  readonly shards: number;
  readonly proofIntervalMs?: number;
  readonly monotonicMs?: () => number;
}

const RETRY_MS = { first: 100, most: 5000 };

/** Keeps the lookup at the log's head: finds or builds a generation of the log that is there, follows, and begins anew. */
export class Projector {
  readonly #options: ProjectorOptions;
  readonly #record: ProjectionRecord;
  #retryMs = RETRY_MS.first;
  /** The last generation whose log is no more. */
  #replaced: string | undefined;

  constructor(options: ProjectorOptions, listener: ProjectionListener = {}) {
    this.#options = options;
    this.#record = new ProjectionRecord(listener, options.monotonicMs ?? (() => performance.now()));
  }

  get status(): ProjectionStatus {
    return this.#record.status;
  }

  /** Resolves when `signal` aborts and the work in hand is done. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const pause = new Wakeable();
    while (!signal.aborted) {
      await this.#attempt(signal);
      await pause.wait(this.#retryMs * (0.5 + Math.random() / 2), signal);
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS.most);
    }
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const { eventStore, lookup, shards, proofIntervalMs = 1000 } = this.#options;
    let following: string | undefined;
    try {
      const logId = await ensureLogId(eventStore);
      const generation = await openGeneration(lookup, { logId, shards, replaced: this.#replaced });
      following = generation.writer.name;
      this.#retryMs = RETRY_MS.first;
      await new Projection(eventStore, generation, this.#record, { proofIntervalMs }).follow(signal);
    } catch (error) {
      if (error instanceof LogReplaced) this.#replaced = following;
      if (signal.aborted) return;
      if (error instanceof LogReplaced || error instanceof GenerationLost) this.#record.rebuild(error);
      else this.#record.fault(error);
    }
  }
}
