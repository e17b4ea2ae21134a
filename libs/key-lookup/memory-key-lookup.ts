import { GenerationDigest } from './generation-digest.ts';
import {
  type GenerationOrigin,
  type LookupStore,
  type ShardState,
  type ShardWrite,
  type ShardWriteResult,
} from './lookup-store.ts';
import { MemoryLookupReader, type MemoryReaderOptions } from './memory-lookup-reader.ts';
import { type MemoryGeneration, MemoryShard } from './memory-shard.ts';

/** The lookup in this process's memory, with the same contract as in Redis. Empty at start: the log rebuilds it. */
export class MemoryKeyLookup implements LookupStore {
  readonly #generations = new Map<string, MemoryGeneration>();
  readonly #readers = new Set<MemoryLookupReader>();
  #live: string | undefined;

  /** What the verifying services get. It follows the store from now on; `close` ends that. */
  reader(options: MemoryReaderOptions): MemoryLookupReader {
    const reader = new MemoryLookupReader(
      () => this.#liveGeneration(),
      options,
      () => this.#readers.delete(reader),
    );
    for (const generation of this.#generations.values()) reader.observe(generation);
    this.#readers.add(reader);
    return reader;
  }

  live(): Promise<string | undefined> {
    return Promise.resolve(this.#live);
  }

  switchLive(from: string | undefined, to: string): Promise<boolean> {
    if (this.#live !== from || !this.#generations.has(to)) return Promise.resolve(false);
    this.#live = to;
    for (const reader of this.#readers) reader.wake();
    return Promise.resolve(true);
  }

  generations(): Promise<readonly string[]> {
    return Promise.resolve([...this.#generations.keys()]);
  }

  createGeneration(name: string, origin: GenerationOrigin): Promise<boolean> {
    if (this.#generations.has(name)) return Promise.resolve(false);
    const generation = { origin, shards: Array.from({ length: origin.shards }, () => new MemoryShard()) };
    this.#generations.set(name, generation);
    for (const reader of this.#readers) reader.observe(generation);
    return Promise.resolve(true);
  }

  dropGeneration(name: string): Promise<void> {
    this.#generations.delete(name);
    return Promise.resolve();
  }

  origin(name: string): Promise<GenerationOrigin | undefined> {
    return Promise.resolve(this.#generations.get(name)?.origin);
  }

  readShard(name: string, shard: number): Promise<ShardState | undefined> {
    return Promise.resolve(this.#generations.get(name)?.shards[shard]?.state);
  }

  writeShard(name: string, shard: number, write: ShardWrite): Promise<ShardWriteResult> {
    const generation = this.#generations.get(name);
    const target = generation?.shards[shard];
    if (generation === undefined || target === undefined) return Promise.resolve({ outcome: 'missing' });
    const result = target.write(write);
    if (result.outcome === 'written') for (const reader of this.#readers) reader.observe(generation);
    return Promise.resolve(result);
  }

  digest(name: string): Promise<string> {
    const digest = new GenerationDigest();
    for (const shard of this.#generations.get(name)?.shards ?? []) {
      for (const [field, entry] of shard.entries) digest.add(field, entry);
      digest.addLegacy(shard.legacyCounts);
    }
    return Promise.resolve(digest.value());
  }

  #liveGeneration(): MemoryGeneration | undefined {
    return this.#live === undefined ? undefined : this.#generations.get(this.#live);
  }
}
