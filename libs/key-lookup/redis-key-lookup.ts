import { decodeEntry } from './entry-record.ts';
import { GenerationDigest } from './generation-digest.ts';
import { LookupUnavailable } from './lookup-reader.ts';
import { type GenerationOrigin, type LookupStore, type ShardState, type ShardWrite } from './lookup-store.ts';
import { type ShardWriteResult } from './lookup-store.ts';
import { packChanges } from './packed-changes.ts';
import { RedisConnection, type RedisConnectionOptions } from './redis-connection.ts';
import { GENERATIONS, LIVE, originText, parseOrigin, shardKey } from './redis-keys.ts';
import { RedisLookupReader, type RedisReaderOptions } from './redis-lookup-reader.ts';
import { CREATE_SHARD, SWITCH_LIVE, WRITE_SHARD } from './redis-scripts.ts';
import { NEW_SHARD, parseCheckpoint, parseShardState, type StoredShardState, writeArguments } from './shard-state.ts';

/** Longer than a read may take, for a large batch and a slow disk; still a connection that died is noticed in two seconds. */
const WRITE_TIMEOUT_MS = 1500;
/** How many entries `digest` asks for at once. */
const SCAN_COUNT = 5000;

/**
 * The lookup in Redis, or in a Redis Cluster. A shard is one hash: a field for each key, and `state`; docs/lookup.md says
 * why. It is lost as a whole or not at all, and a shard without `state` is one that is lost.
 */
export class RedisKeyLookup implements LookupStore {
  readonly #redis: RedisConnection;
  readonly #options: RedisConnectionOptions;

  private constructor(redis: RedisConnection, options: RedisConnectionOptions) {
    this.#redis = redis;
    this.#options = options;
  }

  /** Resolves after the first try to connect, whatever came of it. @throws RangeError for an address that is none */
  static async connect(options: RedisConnectionOptions): Promise<RedisKeyLookup> {
    return new RedisKeyLookup(await RedisConnection.open({ commandTimeoutMs: WRITE_TIMEOUT_MS, ...options }), options);
  }

  /** What the verifying services get: on a connection of its own, which its `close` ends. */
  reader(options: RedisReaderOptions): Promise<RedisLookupReader> {
    return RedisLookupReader.connect({ ...this.#options, ...options });
  }

  close(): void {
    this.#redis.close();
  }

  async live(): Promise<string | undefined> {
    return textOf(await this.#redis.ask<Buffer | null>('get', LIVE));
  }

  async switchLive(from: string | undefined, to: string): Promise<boolean> {
    return (await this.#redis.run<number>(SWITCH_LIVE, [LIVE, GENERATIONS], [from ?? '', to])) === 1;
  }

  async generations(): Promise<readonly string[]> {
    const names = await this.#redis.ask<Buffer[]>('hkeys', GENERATIONS);
    return names.map((name) => name.toString());
  }

  async createGeneration(generation: string, origin: GenerationOrigin): Promise<boolean> {
    if ((await this.#redis.ask<number>('hsetnx', GENERATIONS, generation, originText(origin))) === 0) return false;
    await this.#eachShard(generation, origin, (key) => this.#redis.run(CREATE_SHARD, [key], [NEW_SHARD]));
    return true;
  }

  async dropGeneration(generation: string): Promise<void> {
    const origin = await this.origin(generation);
    if (origin === undefined) return;
    // Readers that are still on it see that it is gone, and ask the pointer again.
    await this.#eachShard(generation, origin, (key) => this.#redis.ask('unlink', key));
    await this.#redis.ask('hdel', GENERATIONS, generation);
  }

  async origin(generation: string): Promise<GenerationOrigin | undefined> {
    const text = textOf(await this.#redis.ask<Buffer | null>('hget', GENERATIONS, generation));
    return text === undefined ? undefined : parseOrigin(text);
  }

  async readShard(generation: string, shard: number): Promise<ShardState | undefined> {
    const state = await this.#readState(shardKey(generation, shard));
    if (state === undefined) return undefined;
    const { checkpoint, stamp, retired, unproved } = state;
    return { checkpoint, stamp, retired, unproved };
  }

  async writeShard(generation: string, shard: number, write: ShardWrite): Promise<ShardWriteResult> {
    const args = [...writeArguments(write), packChanges(write.changes)];
    const answer = await this.#redis.run<number | Buffer | null>(WRITE_SHARD, [shardKey(generation, shard)], args);
    if (answer === null) return { outcome: 'missing' };
    if (typeof answer === 'number') return { outcome: 'written', refused: answer };
    return { outcome: 'mismatch', actual: parseCheckpoint(answer.toString('latin1')) };
  }

  /** Reads everything, piece by piece: of one moment only where nobody writes meanwhile. */
  async digest(generation: string): Promise<string> {
    const digest = new GenerationDigest();
    const origin = await this.origin(generation);
    for (let shard = 0; shard < (origin?.shards ?? 0); shard++) {
      const key = shardKey(generation, shard);
      for await (const [field, record] of this.#entries(key)) digest.add(field, decodeEntry(record));
      digest.addLegacy((await this.#readState(key))?.legacyCounts ?? new Map<string, number>());
    }
    return digest.value();
  }

  /** Each entry once; HSCAN may give some again. */
  async *#entries(key: string): AsyncGenerator<[field: string, record: Buffer]> {
    const seen = new Set<string>(['state']);
    let cursor = '0';
    do {
      const [next, pairs] = await this.#redis.ask<[Buffer, Buffer[]]>('hscan', key, cursor, 'COUNT', SCAN_COUNT);
      for (let at = 0; at < pairs.length; at += 2) {
        const field = pairs[at]?.toString('latin1') ?? '';
        const record = pairs[at + 1];
        if (seen.has(field) || record === undefined) continue;
        seen.add(field);
        yield [field, record];
      }
      cursor = next.toString();
    } while (cursor !== '0');
  }

  async #readState(key: string): Promise<StoredShardState | undefined> {
    const text = textOf(await this.#redis.ask<Buffer | null>('hget', key, 'state'));
    if (text === undefined) return undefined;
    try {
      return parseShardState(text);
    } catch {
      throw new LookupUnavailable('The state of a shard can’t be read by this version.');
    }
  }

  async #eachShard(
    generation: string,
    origin: GenerationOrigin,
    work: (key: string) => Promise<unknown>,
  ): Promise<void> {
    await Promise.all(Array.from({ length: origin.shards }, (_, shard) => work(shardKey(generation, shard))));
  }
}

function textOf(bulk: Buffer | null): string | undefined {
  return bulk?.toString();
}
