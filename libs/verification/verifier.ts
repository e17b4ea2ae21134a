import { type Verdict } from '#contracts/verification';
import { type KeyOwner } from '#keys/project-key';
import { type LookupReader, LookupUnavailable } from '#key-lookup/lookup-reader';
import { verifyMany } from './verify-many.ts';

/** One thing to verify, as it came in, and when its asker stops waiting (epoch ms). */
export interface VerifyTask {
  readonly item: unknown;
  readonly deadlineMs: number;
}

export interface VerifierOptions {
  /** How long an item may wait for its `minPosition`, if its deadline is not sooner. */
  readonly waitMs?: number;
  /** What is left of a deadline for the reply to reach its asker. */
  readonly replyMs?: number;
  /** How many may wait; those beyond it are STALE at once. */
  readonly maxParked?: number;
  /** Epoch ms, to compare deadlines with, and to date uses. */
  readonly nowMs?: () => number;
  /** Told of the good keys of each list (see verifyMany), before their verdicts are there. Must neither throw nor wait. */
  readonly onUse?: (keys: readonly KeyOwner[], atMs: number) => void;
}

/** verifyMany, and apart from it a bounded place to wait for those items that the projection has not reached yet. */
export class Verifier {
  readonly #lookup: LookupReader;
  readonly #options: Required<VerifierOptions>;
  readonly #parked = new Set<Parked>();
  #watching: AbortController | undefined;
  #closed = false;

  constructor(lookup: LookupReader, options: VerifierOptions = {}) {
    this.#lookup = lookup;
    this.#options = { waitMs: 1000, replyMs: 50, maxParked: 1000, nowMs: Date.now, onUse: () => undefined, ...options };
  }

  get parked(): number {
    return this.#parked.size;
  }

  /** In order, per task: its verdict, or for one that has to wait, the promise of it. Rejects, as that does, only on a bug. */
  async verify(tasks: readonly VerifyTask[]): Promise<(Verdict | Promise<Verdict>)[]> {
    const verdicts = await this.#verifyNow(tasks);
    return verdicts.map((verdict, index) => {
      const task = tasks[index];
      return task !== undefined && isStale(verdict) ? this.#park(task, verdict) : verdict;
    });
  }

  /** What waits is answered STALE, now and from now on. */
  close(): void {
    this.#closed = true;
    for (const parked of [...this.#parked]) this.#settle(parked, parked.stale);
  }

  async #verifyNow(tasks: readonly { readonly item: unknown }[]): Promise<Verdict[]> {
    const items = tasks.map(({ item }) => item);
    const used: KeyOwner[] = [];
    const verdicts = await verifyMany(items, this.#lookup, (key) => used.push(key));
    if (used.length > 0) this.#options.onUse(used, this.#options.nowMs());
    return verdicts;
  }

  #park(task: VerifyTask, stale: Verdict): Verdict | Promise<Verdict> {
    const { waitMs, replyMs, maxParked, nowMs } = this.#options;
    const patienceMs = Math.min(waitMs, task.deadlineMs - replyMs - nowMs());
    if (this.#closed || patienceMs <= 0 || this.#parked.size >= maxParked) return stale;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(parked, parked.stale), patienceMs);
      const parked: Parked = { item: task.item, minPosition: minPositionOf(task.item), stale, resolve, reject, timer };
      this.#parked.add(parked);
      this.#watch();
    });
  }

  #settle(parked: Parked, verdict: Verdict): void {
    this.#end(parked, () => parked.resolve(verdict));
  }

  #end(parked: Parked, answer: () => void): void {
    if (!this.#parked.delete(parked)) return;
    clearTimeout(parked.timer);
    answer();
    if (this.#parked.size === 0) this.#watching?.abort();
  }

  /** One loop for all that wait, as long as something does. */
  #watch(): void {
    if (this.#watching !== undefined) return;
    const watching = new AbortController();
    this.#watching = watching;
    void this.#follow(watching.signal).finally(() => {
      this.#watching = undefined;
      if (this.#parked.size > 0) this.#watch();
    });
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Taken before looking, so that an advance in between is not missed.
      const advanced = this.#lookup.advanced(signal);
      await this.#settleReady();
      await advanced;
    }
  }

  async #settleReady(): Promise<void> {
    try {
      const furthest = maxOf((await this.#lookup.shards()).map(({ position }) => position));
      const ready = [...this.#parked].filter(({ minPosition }) => minPosition <= furthest);
      const verdicts = await this.#verifyNow(ready);
      for (const [index, parked] of ready.entries()) {
        const verdict = verdicts[index];
        if (verdict === undefined) continue;
        // Another shard got there; the item's own has not yet.
        if (isStale(verdict)) parked.stale = verdict;
        else this.#settle(parked, verdict);
      }
    } catch (error) {
      const unavailable: Verdict = { valid: false, code: 'UNAVAILABLE' };
      for (const parked of [...this.#parked]) {
        if (error instanceof LookupUnavailable) this.#settle(parked, unavailable);
        else this.#end(parked, () => parked.reject(error));
      }
    }
  }
}

interface Parked {
  readonly item: unknown;
  readonly minPosition: bigint;
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (fault: unknown) => void;
  readonly timer: NodeJS.Timeout;
  /** The verdict so far, with the position that it was given at. */
  stale: Verdict;
}

function isStale(verdict: Verdict): boolean {
  return !verdict.valid && verdict.code === 'STALE';
}

/** Only called for items that were found STALE, so they have one. */
function minPositionOf(item: unknown): bigint {
  return BigInt((item as { minPosition: string }).minPosition);
}

function maxOf(positions: readonly (bigint | undefined)[]): bigint {
  return positions.reduce<bigint>((most, one) => (one !== undefined && one > most ? one : most), -1n);
}
