import { type KeyOwner } from '#keys/project-key';
import { isWorthWriting, type LastUse, lastUseField, type LastUseRemoval } from './last-use.ts';
import { RedisConnection, type RedisConnectionOptions } from './redis-connection.ts';
import { NOTE_LAST_USE } from './redis-scripts.ts';

export interface RedisLastUseOptions extends RedisConnectionOptions {
  /** What could not be written is lost, and what could not be removed stays. Told at most once a minute, with how many keys that were since. */
  readonly onFault?: (fault: unknown, lostKeys: number) => void;
  /** How many keys it remembers having written, and how many may wait to be: those beyond it are asked again, or lost. */
  readonly maxKeys?: number;
}

const KEY = 'latchkey:last-used';
const HOUR_MS = 3_600_000;
const MAX_KEYS = 100_000;
const BATCH = 500;
/** In one command: more would keep Redis from others, and one with too many can't be passed at all. */
const READ_BATCH = 5000;
const FAULTS_EVERY_MS = 60_000;

/** In a hash of its own, userId/keyId → Unix ms, which is all that auth's Redis user may write. The projector removes. */
export class RedisLastUse implements LastUse, LastUseRemoval {
  readonly #redis: RedisConnection;
  readonly #options: RedisLastUseOptions;
  readonly #maxKeys: number;
  /** Written lately, or about to be. */
  readonly #known = new Map<string, number>();
  readonly #queue = new Map<string, number>();
  readonly #gone = new Set<string>();
  #isWriting = false;
  #lost = 0;
  #toldAtMs = -Infinity;

  private constructor(redis: RedisConnection, options: RedisLastUseOptions) {
    this.#redis = redis;
    this.#options = options;
    this.#maxKeys = options.maxKeys ?? MAX_KEYS;
  }

  /** Resolves after the first try to connect, whatever came of it. @throws RangeError for an address that is none */
  static async connect(options: RedisLastUseOptions): Promise<RedisLastUse> {
    return new RedisLastUse(await RedisConnection.open(options), options);
  }

  note(keys: readonly KeyOwner[], atMs: number): void {
    for (const key of keys) {
      const field = lastUseField(key);
      if (!isWorthWriting(this.#known.get(field), atMs)) continue;
      if (this.#queue.size >= this.#maxKeys && !this.#queue.has(field)) {
        this.#lose(1, new Error('Too many keys wait for their last use to be written.'));
        continue;
      }
      this.#remember(field, atMs);
      this.#queue.set(field, atMs);
    }
    this.#startWriting();
  }

  forget(keys: readonly KeyOwner[]): void {
    for (const key of keys) {
      const field = lastUseField(key);
      this.#known.delete(field);
      this.#queue.delete(field);
      if (this.#gone.size < this.#maxKeys) this.#gone.add(field);
      else this.#lose(1, new Error('Too many keys wait for their last use to be removed.'));
    }
    this.#startWriting();
  }

  async read(keys: readonly KeyOwner[]): Promise<readonly (number | undefined)[]> {
    if (keys.length === 0) return [];
    const times: (number | undefined)[] = [];
    for (let from = 0; from < keys.length; from += READ_BATCH) {
      const fields = keys.slice(from, from + READ_BATCH).map(lastUseField);
      for (const time of await this.#redis.ask<(Buffer | null)[]>('hmget', KEY, ...fields)) {
        times.push(time === null ? undefined : Number(time.toString()));
      }
    }
    return times;
  }

  close(): void {
    this.#redis.close();
  }

  #startWriting(): void {
    if (!this.#isWriting && (this.#queue.size > 0 || this.#gone.size > 0)) void this.#write();
  }

  /** One batch after the other; what comes together goes together. */
  async #write(): Promise<void> {
    this.#isWriting = true;
    while (this.#queue.size > 0 || this.#gone.size > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      // In this order: a use that was noted before the removal is not in the queue any more.
      await this.#removeSome(take(this.#gone));
      await this.#writeSome(take(this.#queue));
    }
    this.#isWriting = false;
  }

  async #removeSome(fields: string[]): Promise<void> {
    if (fields.length === 0) return;
    try {
      await this.#redis.ask('hdel', KEY, ...fields);
    } catch (fault) {
      this.#lose(fields.length, fault);
    }
  }

  async #writeSome(batch: [field: string, atMs: number][]): Promise<void> {
    if (batch.length === 0) return;
    try {
      const times = await this.#redis.run<Buffer[]>(NOTE_LAST_USE, [KEY], [HOUR_MS, ...batch.flat()]);
      // Another process's may be older than ours: an hour after that one, not after ours, it is worth writing again.
      for (const [nth, [field]] of batch.entries()) this.#remember(field, Number(String(times[nth])));
    } catch (fault) {
      for (const [field] of batch) this.#known.delete(field);
      this.#lose(batch.length, fault);
    }
  }

  #remember(field: string, atMs: number): void {
    this.#known.delete(field);
    this.#known.set(field, atMs);
    if (this.#known.size <= this.#maxKeys) return;
    const oldest = this.#known.keys().next();
    if (oldest.done !== true) this.#known.delete(oldest.value);
  }

  #lose(keys: number, fault: unknown): void {
    this.#lost += keys;
    const nowMs = performance.now();
    if (nowMs - this.#toldAtMs < FAULTS_EVERY_MS) return;
    this.#toldAtMs = nowMs;
    this.#options.onFault?.(fault, this.#lost);
    this.#lost = 0;
  }
}

/** The first of them, which are in it no longer. */
function take(from: Set<string>): string[];
function take(from: Map<string, number>): [field: string, atMs: number][];
function take(from: Set<string> | Map<string, number>): unknown[] {
  const taken: unknown[] = [];
  for (const one of from) {
    taken.push(one);
    from.delete(typeof one === 'string' ? one : one[0]);
    if (taken.length === BATCH) break;
  }
  return taken;
}
