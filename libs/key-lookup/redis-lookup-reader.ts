import { AdvanceWaiters } from './advance-waiters.ts';
import { decodeEntry, UnreadableRecord } from './entry-record.ts';
import { shardOf } from './lookup-field.ts';
import { type LookupAnswer, type LookupReader, LookupUnavailable, type ShardReading } from './lookup-reader.ts';
import { redisField } from './packed-changes.ts';
import { RedisConnection, type RedisConnectionOptions } from './redis-connection.ts';
import { GENERATIONS, LIVE, parseOrigin } from './redis-keys.ts';
import { RoundTrips } from './round-trips.ts';
import { ShardRead, type ShardReadReply } from './shard-read.ts';
import { type WatchedGeneration, WatchedGenerations } from './watched-generations.ts';
import { type WatchedShard } from './watched-shard.ts';

export interface RedisReaderOptions {
  /** How old the last proof that the projection is at the log's head may be: setting MAX_STALENESS_MS. */
  readonly maxStalenessMs: number;
  /** Ms by a clock that is never set back, such as `performance.now()`. */
  readonly monotonicMs: () => number;
}

interface ShardLook {
  readonly reply: ShardReadReply;
  /** Undefined: the shard is retired, or not there. */
  readonly reading: ShardReading | undefined;
}

/** How often the stamps are looked at, whether or not anybody asks: several times per bound. */
const LOOKS_PER_BOUND = 10;
const LOOK_MS = { least: 10, most: 1000 };
/** A pointer that moves while one is asking is asked again, so often. */
const ATTEMPTS = 3;

/**
 * Reads on a connection of its own. All calls that come together, or while earlier ones are on their way, share one HMGET
 * per shard, which reads entries and state at one moment. A shard that is retired or gone makes it ask the pointer again.
 */
export class RedisLookupReader implements LookupReader {
  readonly #redis: RedisConnection;
  readonly #options: RedisReaderOptions;
  readonly #generations = new WatchedGenerations();
  readonly #rounds = new RoundTrips<LookupAnswer>((fields) => this.#lookUp(fields));
  readonly #waiters = new AdvanceWaiters(() => this.#lookAtLive());
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(redis: RedisConnection, options: RedisReaderOptions) {
    this.#redis = redis;
    this.#options = options;
  }

  /** Resolves after the first try to connect, whatever came of it. @throws RangeError for an address that is none */
  static async connect(options: RedisReaderOptions & RedisConnectionOptions): Promise<RedisLookupReader> {
    const reader = new RedisLookupReader(await RedisConnection.open(options), options);
    await reader.#keepLooking();
    return reader;
  }

  async lookUp(hashes: readonly string[]): Promise<readonly LookupAnswer[]> {
    return hashes.length === 0 ? [] : this.#rounds.ask(hashes.map(redisField));
  }

  async shards(): Promise<readonly ShardReading[]> {
    return this.#fromLive(async ({ shards }) => {
      const looks = await this.#lookAt(shards);
      const readings = looks.map(({ reading }) => reading);
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

  #lookUp(fields: readonly string[]): Promise<readonly LookupAnswer[]> {
    return this.#fromLive(async ({ shards }) => {
      const wanted = new Map<number, string[]>();
      const places = fields.map((field) => {
        const shard = shardOf(field, shards.length);
        const others = wanted.get(shard);
        if (others === undefined) wanted.set(shard, [field]);
        return { shard, at: others === undefined ? 1 : others.push(field) };
      });
      const looks = new Map<number, ShardLook>();
      const faults: unknown[] = [];
      const look = async ([nth, own]: [number, string[]]) => {
        try {
          looks.set(nth, await this.#look(shards[nth], own));
        } catch (fault) {
          faults.push(fault);
        }
      };
      await Promise.all([...wanted].map(look));
      // Where a whole shard is away, as with its master in a cluster, the others still answer.
      if (looks.size === 0) throw faults[0];
      if ([...looks.values()].some(({ reading }) => reading === undefined)) return undefined;
      return places.map(({ shard, at }) => {
        const { reading, reply } = looks.get(shard) ?? {};
        return reading === undefined ? AWAY : answerOf(reply?.[at], reading);
      });
    });
  }

  /**
   * Asks the live generation. Where that is retired or gone, asks the pointer and the one that it names then.
   * @param ask undefined: this generation can't answer
   */
  async #fromLive<T>(ask: (generation: WatchedGeneration) => Promise<T | undefined>): Promise<T> {
    let last: WatchedGeneration | undefined;
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (this.#generations.live === undefined) await this.#askPointer();
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

  /** What it says is of one moment, however much is read of the same shard meanwhile. */
  async #look(shard: WatchedShard | undefined, fields: readonly string[]): Promise<ShardLook> {
    if (shard === undefined) throw new RangeError('There is no such shard.');
    const { monotonicMs, maxStalenessMs } = this.#options;
    const read = new ShardRead(shard.key, fields);
    const askedMs = monotonicMs();
    const reply = await this.#redis.send<ShardReadReply>(read);
    if (read.connection === undefined) throw new LookupUnavailable('The answer came by no connection.');
    if (shard.observe(reply[0], read.connection, askedMs)) this.#waiters.wake();
    return { reply, reading: shard.reading(monotonicMs(), maxStalenessMs) };
  }

  #lookAt(shards: readonly WatchedShard[]): Promise<ShardLook[]> {
    return Promise.all(shards.map((shard) => this.#look(shard, [])));
  }

  /** For those who wait for an advance. */
  async #lookAtLive(): Promise<void> {
    const { live } = this.#generations;
    if (live === undefined) await this.#askPointer();
    else await this.#lookAt(live.shards);
  }

  /** Looks at the pointer and at the stamps of all generations, now and from now on. */
  async #keepLooking(): Promise<void> {
    try {
      await this.#askPointer();
      // One that can't be read keeps nobody from the others.
      await Promise.allSettled(Array.from(this.#generations.all, ({ shards }) => this.#lookAt(shards)));
    } catch {
      // Who asks is told so; the stamps are as old as they are.
    }
    if (this.#isClosed) return;
    const everyMs = Math.min(LOOK_MS.most, Math.max(LOOK_MS.least, this.#options.maxStalenessMs / LOOKS_PER_BOUND));
    this.#timer = setTimeout(() => void this.#keepLooking(), everyMs);
  }
}

/** Of a shard that could not be asked. */
const AWAY: LookupAnswer = {
  entry: undefined,
  shard: { position: undefined, unproved: true, fresh: false, legacy: [] },
};

function answerOf(record: Buffer | null | undefined, shard: ShardReading): LookupAnswer {
  if (record === null || record === undefined) return { entry: undefined, shard };
  try {
    return { entry: decodeEntry(record), shard };
  } catch (error) {
    if (error instanceof UnreadableRecord) return { entry: undefined, unreadable: true, shard };
    throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
