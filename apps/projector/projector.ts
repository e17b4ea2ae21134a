import { type EventStore } from '#event-store/event-store';
import { GenerationLost, type GenerationWriter } from '#key-lookup/generation-writer';
import { type LastUseRemoval } from '#key-lookup/last-use';
import { type LookupStore } from '#key-lookup/lookup-store';
import { type KeyChangeFeed } from './key-change-feed.ts';
import { ensureLogId, LogReplaced } from './log-identity.ts';
import { openGeneration } from './open-generation.ts';
import { Projection } from './projection.ts';
import { type ProjectionListener, ProjectionRecord, type ProjectionStatus } from './projection-record.ts';
import { Wakeable } from './wakeable.ts';

export interface ProjectorOptions {
  readonly eventStore: EventStore;
  readonly lookup: LookupStore;
  /** Of generations that it builds: setting LOOKUP_SHARDS. */
  readonly shards: number;
  /** Where caches of verdicts are told what changed; the projector does not close it. */
  readonly feed?: KeyChangeFeed;
  /** Where the last use of keys is kept, which ends with them. */
  readonly lastUse?: LastUseRemoval;
  readonly proofIntervalMs?: number;
  readonly monotonicMs?: () => number;
}

const RETRY_MS = { first: 100, most: 5000 };
/** Of a proof, where the interval is not longer: enough for its few calls, little beside any staleness bound. */
const MAX_PROOF_MS = 1000;

/** Keeps the lookup at the log's head: finds or builds a generation of the log that is there, follows, and begins anew. */
export class Projector {
  readonly #options: ProjectorOptions;
  readonly #record: ProjectionRecord;
  readonly #monotonicMs: () => number;
  #retryMs = RETRY_MS.first;
  /** The last generation whose log is no more. */
  #replaced: string | undefined;

  constructor(options: ProjectorOptions, listener: ProjectionListener = {}) {
    this.#options = options;
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
    this.#record = new ProjectionRecord(listener, this.#monotonicMs);
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
    const { eventStore, lookup, shards, feed, lastUse, proofIntervalMs = 1000 } = this.#options;
    const maxProofMs = Math.max(proofIntervalMs, MAX_PROOF_MS);
    const options = { proofIntervalMs, maxProofMs, monotonicMs: this.#monotonicMs, feed, lastUse };
    let following: GenerationWriter | undefined;
    try {
      const logId = await ensureLogId(eventStore, signal);
      const generation = await openGeneration(lookup, { logId, shards, replaced: this.#replaced });
      following = generation.writer;
      this.#retryMs = RETRY_MS.first;
      await new Projection(eventStore, generation, this.#record, options).follow(signal);
    } catch (error) {
      if (error instanceof LogReplaced && following !== undefined) await this.#retire(following);
      if (signal.aborted) return;
      if (error instanceof LogReplaced || error instanceof GenerationLost) this.#record.rebuild(error);
      else this.#record.fault(error);
    }
  }

  /** At once: the next attempt has to ask the log first, which may take long. What fails here is done there. */
  async #retire(writer: GenerationWriter): Promise<void> {
    this.#replaced = writer.name;
    try {
      await writer.retire();
    } catch (error) {
      this.#record.fault(error);
    }
  }
}
