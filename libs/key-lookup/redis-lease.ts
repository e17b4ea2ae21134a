import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { RedisConnection, type RedisConnectionOptions } from './redis-connection.ts';
import { script } from './redis-scripts.ts';

export interface LeaseOptions extends RedisConnectionOptions {
  /** How long a holder that says nothing keeps it. */
  readonly ttlMs?: number;
  readonly monotonicMs?: () => number;
}

/** One time of leading. */
export interface LeaseTurn {
  /** Aborts when the lease is lost, can't be shown to be still there, or is given back. */
  readonly signal: AbortSignal;
  /** Leaves it to another: one that can't do its work. It stands by again only after all others have had time to look. */
  readonly giveBack: () => void;
}

const KEY = 'latchkey:lookup:leader';
const TTL_MS = 3_000;
/** Renewals, and looks of those who stand by, within one life of the lease. */
const LOOKS = 6;
/** In lives of the lease: whoever stands by has looked by then, even after a look that Redis did not answer. */
const LIVES_AFTER_GIVING_BACK = 2;

const RENEW = script(
  `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0`,
);
const RELEASE = script(`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`);

/**
 * Of several projectors one leads. The lease keeps the others from doing its work twice; it is not what keeps the lookup
 * right: a leader that was paused and doesn't know yet that it was replaced is made harmless by the compare-and-set of
 * every write.
 */
export class RedisLease {
  readonly #redis: RedisConnection;
  readonly #ttlMs: number;
  readonly #monotonicMs: () => number;
  readonly #me = randomUUID();
  #isHeld = false;

  private constructor(redis: RedisConnection, { ttlMs = TTL_MS, monotonicMs = () => performance.now() }: LeaseOptions) {
    this.#redis = redis;
    this.#ttlMs = ttlMs;
    this.#monotonicMs = monotonicMs;
  }

  /** Resolves after the first try to connect, whatever came of it. */
  static async connect(options: LeaseOptions): Promise<RedisLease> {
    return new RedisLease(await RedisConnection.open(options), options);
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /**
   * Waits for its turn, works, and stands by again when the lease is lost or given back; until `signal` aborts.
   * @param work the next begins when it has resolved
   */
  async lead(work: (turn: LeaseTurn) => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // By the clock of before the question: the server counts from a later moment.
      const askedMs = this.#monotonicMs();
      if (await this.#acquire()) await this.#hold(work, askedMs, signal);
      else await pause(this.#ttlMs / LOOKS, signal);
    }
  }

  close(): void {
    this.#redis.close();
  }

  async #hold(work: (turn: LeaseTurn) => Promise<void>, sinceMs: number, signal: AbortSignal): Promise<void> {
    const lost = new AbortController();
    const stop = () => lost.abort();
    const turn = { isGivenBack: false };
    const giveBack = () => {
      turn.isGivenBack = true;
      stop();
    };
    signal.addEventListener('abort', stop);
    this.#isHeld = true;
    const renewing = this.#renew(sinceMs, lost);
    try {
      if (!signal.aborted) await work({ signal: lost.signal, giveBack });
    } finally {
      signal.removeEventListener('abort', stop);
      lost.abort();
      await renewing;
      this.#isHeld = false;
      await this.#redis.run(RELEASE, [KEY], [this.#me]).catch(() => undefined);
    }
    if (turn.isGivenBack) await pause(this.#ttlMs * LIVES_AFTER_GIVING_BACK, signal);
  }

  async #renew(sinceMs: number, lost: AbortController): Promise<void> {
    // Whoever can't ask may go on for as long as the lease was given, and not a moment longer.
    let end = setTimeout(() => lost.abort(), sinceMs + this.#ttlMs - this.#monotonicMs());
    const isOver = () => lost.signal.aborted;
    while (!isOver()) {
      await pause(this.#ttlMs / LOOKS, lost.signal);
      if (isOver()) break;
      const askedMs = this.#monotonicMs();
      const renewed = await this.#redis.run<number>(RENEW, [KEY], [this.#me, this.#ttlMs]).catch(() => undefined);
      if (renewed === 0) lost.abort();
      if (renewed !== 1 || isOver()) continue;
      clearTimeout(end);
      end = setTimeout(() => lost.abort(), askedMs + this.#ttlMs - this.#monotonicMs());
    }
    clearTimeout(end);
  }

  async #acquire(): Promise<boolean> {
    try {
      const answer = await this.#redis.ask<Buffer | null>('set', KEY, this.#me, 'NX', 'PX', this.#ttlMs);
      return answer !== null;
    } catch {
      return false;
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms * (0.75 + Math.random() / 4), undefined, { signal }).catch(() => undefined);
}
