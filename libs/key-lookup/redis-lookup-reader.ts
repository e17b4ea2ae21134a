import { readyWithin } from '#runtime/ready-within';
import { AdvanceWaiters } from './advance-waiters.ts';
import { type LookupAnswer, type LookupReader, LookupUnavailable, type ShardReading } from './lookup-reader.ts';
import { redisFields } from './packed-changes.ts';
import { RedisConnection, type RedisConnectionOptions } from './redis-connection.ts';
import { GENERATIONS, LIVE, parseOrigin } from './redis-keys.ts';
import { RedisShard } from './redis-shard.ts';
import { lookUpInShards } from './look-up-in-shards.ts';
import { type WatchedGeneration, WatchedGenerations } from './watched-generations.ts';

export interface RedisReaderOptions {
  /** How old the last proof that the projection is at the log's head may be: setting MAX_STALENESS_MS. */
  readonly maxStalenessMs: number;
  /** Ms by a clock that is never set back, such as `performance.now()`. */
  readonly monotonicMs: () => number;
}

type Generation = WatchedGeneration<RedisShard>;
type Answers = readonly (LookupAnswer | Promise<LookupAnswer>)[];

/** How often the stamps are looked at, whether or not anybody asks: several times per bound. */
const LOOKS_PER_BOUND = 10;
const LOOK_MS = { least: 10, most: 1000 };
/** A pointer that moves while one is asking is asked again, so often. */
const ATTEMPTS = 3;
/** How long those that are there wait for the other shards of their list, so as to be answered together. */
const TOGETHER_MS = 20;

/**
 * Reads on a connection of its own, each shard in rounds of its own (see RedisShard). A shard that is retired or gone makes
 * it ask the pointer again.
 */
export class RedisLookupReader implements LookupReader {
  readonly #redis: RedisConnection;
  readonly #options: RedisReaderOptions;
  readonly #generations = new WatchedGenerations((key) => this.#openShard(key));
  readonly #waiters = new AdvanceWaiters(() => this.#lookAtLive());
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  /** For all who have no live generation. */
  #finding: Promise<void> | undefined;
  #isWatchingPointer = false;

  private constructor(redis: RedisConnection, options: RedisReaderOptions) {
    this.#redis = redis;
    this.#options = options;
  }

  /** Resolves after the first try to connect, whatever came of it. @throws RangeError for an address that is none */
  static async connect(options: RedisReaderOptions & RedisConnectionOptions): Promise<RedisLookupReader> {
    const reader = new RedisLookupReader(await RedisConnection.open(options), options);
    await reader.#watchPointer();
    await reader.#lookAtAll();
    reader.#keepLooking();
    return reader;
  }

  async lookUp(hashes: readonly string[]): Promise<Answers> {
    return hashes.length === 0 ? [] : this.#lookUp(redisFields(hashes));
  }

  async shards(): Promise<readonly ShardReading[]> {
    return this.#fromLive(async ({ shards }) => {
      const readings = await Promise.all(shards.map((shard) => shard.read()));
      return readings.every((reading) => reading !== undefined) ? readings : undefined;
    });
  }

  advanced(signal: AbortSignal): Promise<void> {
    return this.#isClosed ? Promise.resolve() : this.#waiters.wait(signal);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#waiters.close();
    this.#redis.close();
  }

  #lookUp(fields: readonly string[]): Promise<Answers> {
    return this.#fromLive(({ shards }) => {
      const [only] = shards;
      return shards.length === 1 && only !== undefined
        ? only.lookUp(fields)
        : lookUpInShards(shards, fields, {
            togetherMs: TOGETHER_MS,
            askAnew: async (field) => requireAnswer((await this.#lookUp([field]))[0]),
          });
    });
  }

  #openShard(key: string): RedisShard {
    const { maxStalenessMs, monotonicMs } = this.#options;
    return new RedisShard(key, {
      maxStalenessMs,
      monotonicMs,
      send: (read) => this.#redis.send(read),
      onChange: () => this.#waiters.wake(),
    });
  }

  /**
   * Asks the live generation. Where that is retired or gone, asks the pointer and the one that it names then.
   * @param ask undefined: this generation can't answer
   */
  async #fromLive<T>(ask: (generation: Generation) => Promise<T | undefined>): Promise<T> {
    let last: Generation | undefined;
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (this.#generations.live === undefined) await this.#findLive();
        const generation = this.#generations.live;
        if (generation === undefined || generation === last) break;
        const answer = await ask(generation);
        if (answer !== undefined) return answer;
        last = generation;
        if (this.#generations.live === generation) this.#generations.forgetLive();
      }
    } catch (error) {
      throw error instanceof LookupUnavailable ? error : new LookupUnavailable(messageOf(error));
    }
    throw new LookupUnavailable('No generation of the lookup is live.');
  }

  /** Once for all who find that there is none. */
  async #findLive(): Promise<void> {
    this.#finding ??= this.#askPointer().finally(() => (this.#finding = undefined));
    await this.#finding;
  }

  async #askPointer(): Promise<void> {
    // In this order: what the pointer named was there. In capitals, for which ioredis makes no object of the reply.
    const [live, pairs] = await Promise.all([
      this.#redis.ask<Buffer | null>('get', LIVE),
      this.#redis.ask<Buffer[]>('HGETALL', GENERATIONS),
    ]);
    const origins = new Map<string, ReturnType<typeof parseOrigin>>();
    for (let at = 0; at + 1 < pairs.length; at += 2) {
      origins.set(String(pairs[at]), parseOrigin(String(pairs[at + 1])));
    }
    if (this.#generations.update(live?.toString(), origins)) this.#waiters.wake();
  }

  /** For those who wait for an advance; a shard that is late keeps nobody from hearing of the others. */
  async #lookAtLive(): Promise<void> {
    const { live } = this.#generations;
    if (live === undefined) return this.#findLive();
    const looks = live.shards.filter(({ isAway }) => !isAway).map((shard) => shard.glance());
    await readyWithin(Promise.allSettled(looks), TOGETHER_MS);
  }

  /** Looks at the stamps of all generations, and at the pointer, from now on. Neither waits for what is late. */
  #keepLooking(): void {
    if (this.#isClosed) return;
    const everyMs = Math.min(LOOK_MS.most, Math.max(LOOK_MS.least, this.#options.maxStalenessMs / LOOKS_PER_BOUND));
    this.#timer = setTimeout(() => {
      void this.#lookAtAll();
      if (!this.#isWatchingPointer) void this.#watchPointer();
      this.#keepLooking();
    }, everyMs);
  }

  /** What can't be read keeps nobody from the rest: who asks is told so, and the stamps are as old as they are. */
  async #lookAtAll(): Promise<void> {
    await Promise.allSettled(this.#generations.shards.map((shard) => shard.glance()));
  }

  async #watchPointer(): Promise<void> {
    this.#isWatchingPointer = true;
    await this.#askPointer().catch(() => undefined);
    this.#isWatchingPointer = false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function requireAnswer<A>(answer: A | undefined): A {
  if (answer === undefined) throw new RangeError('A lookup gave no answer.');
  return answer;
}
