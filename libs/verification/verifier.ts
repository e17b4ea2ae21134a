import { type Verdict } from '#contracts/verification';
import { type KeyOwner } from '#keys/project-key';
import { type LookupReader, LookupUnavailable } from '#key-lookup/lookup-reader';
import { readyWithin } from '#runtime/ready-within';
import { TOGETHER_MS, verifyEach, type Verdicts } from './verify-many.ts';

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
  /** Told of the good keys of each list (see verifyEach), before their verdicts are there. Must neither throw nor wait. */
  readonly onUse?: (keys: readonly KeyOwner[], atMs: number) => void;
}

/** verifyEach, and apart from it a bounded place to wait for those items that the projection has not reached yet. */
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

  /**
   * In order, per task: its verdict, or the promise of it for one that has to wait, or whose shard is late. Rejects, as that
   * does, only on a bug.
   */
  async verify(tasks: readonly VerifyTask[]): Promise<Verdicts> {
    const verdicts = await this.#verifyNow(tasks);
    return verdicts.map((verdict, index) => {
      const task = tasks[index];
      if (task === undefined) return verdict;
      return verdict instanceof Promise
        ? verdict.then((late) => this.#orPark(task, late))
        : this.#orPark(task, verdict);
    });
  }

  /** What waits is answered STALE, now and from now on. */
  close(): void {
    this.#closed = true;
    for (const parked of [...this.#parked]) this.#settle(parked, parked.stale);
  }

  async #verifyNow(tasks: readonly { readonly item: unknown }[]): Promise<Verdicts> {
    const items = tasks.map(({ item }) => item);
    const { nowMs, onUse } = this.#options;
    let used: KeyOwner[] | undefined = [];
    const verdicts = await verifyEach(items, this.#lookup, (key) => {
      if (used === undefined) onUse([key], nowMs());
      else used.push(key);
    });
    if (used.length > 0) onUse(used, nowMs());
    used = undefined;
    return verdicts;
  }

  #orPark(task: VerifyTask, verdict: Verdict): Verdict | Promise<Verdict> {
    return isStale(verdict) ? this.#park(task, verdict) : verdict;
  }

  #park(task: VerifyTask, stale: Verdict): Verdict | Promise<Verdict> {
    const { waitMs, replyMs, maxParked, nowMs } = this.#options;
    const patienceMs = Math.min(waitMs, task.deadlineMs - replyMs - nowMs());
    if (this.#closed || patienceMs <= 0 || this.#parked.size >= maxParked) return stale;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(parked, parked.stale), patienceMs);
      const { item } = task;
      const parked: Parked = { item, minPosition: minPositionOf(item), stale, isAsked: false, resolve, reject, timer };
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
    let asked: readonly Parked[] = [...this.#parked].filter(({ isAsked }) => !isAsked);
    try {
      const furthest = await this.#furthest();
      if (furthest !== undefined) asked = asked.filter(({ minPosition }) => minPosition <= furthest);
      if (asked.length === 0) return;
      const verdicts = await this.#verifyNow(asked);
      for (const [index, parked] of asked.entries()) {
        const verdict = verdicts[index];
        if (verdict instanceof Promise) void this.#settleLater(parked, verdict);
        else if (verdict !== undefined) this.#settleUnlessStale(parked, verdict);
      }
    } catch (error) {
      for (const parked of asked) this.#end(parked, () => parked.reject(error));
    }
  }

  /** Beyond it nothing can be ready. Undefined: some shard can't be asked, or is late; each item has one of its own. */
  async #furthest(): Promise<bigint | undefined> {
    try {
      const shards = await readyWithin(this.#lookup.shards(), TOGETHER_MS);
      return 'value' in shards ? maxOf(shards.value.map(({ position }) => position)) : undefined;
    } catch (error) {
      if (error instanceof LookupUnavailable) return undefined;
      throw error;
    }
  }

  /** Of a late shard, which is asked for it once at a time. */
  async #settleLater(parked: Parked, verdict: Promise<Verdict>): Promise<void> {
    parked.isAsked = true;
    try {
      this.#settleUnlessStale(parked, await verdict);
    } catch (fault) {
      this.#end(parked, () => parked.reject(fault));
    } finally {
      parked.isAsked = false;
    }
    // What came meanwhile passed it by.
    if (this.#parked.has(parked)) await this.#settleReady();
  }

  #settleUnlessStale(parked: Parked, verdict: Verdict): void {
    // Another shard got there; the item's own has not yet.
    if (isStale(verdict)) parked.stale = verdict;
    else this.#settle(parked, verdict);
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
  /** Its shard has not answered yet. */
  isAsked: boolean;
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
