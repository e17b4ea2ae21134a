import { fieldOf, shardOf } from './lookup-field.ts';
import { type LookupAnswer, type LookupReader, LookupUnavailable, type ShardReading } from './lookup-reader.ts';
import { type MemoryGeneration, type MemoryShard } from './memory-shard.ts';
import { StampWatch } from './stamp-watch.ts';
import { Waiters } from './waiters.ts';

export interface MemoryReaderOptions {
  /** How old the last proof that the projection is at the log's head may be: setting MAX_STALENESS_MS. */
  readonly maxStalenessMs: number;
  /** Ms by a clock that is never set back, such as `performance.now()`. */
  readonly monotonicMs: () => number;
}

/** Reads in one process with the store, so a call is one moment for all shards. */
export class MemoryLookupReader implements LookupReader {
  readonly #live: () => MemoryGeneration | undefined;
  readonly #options: MemoryReaderOptions;
  readonly #onClose: () => void;
  readonly #watches = new WeakMap<MemoryShard, StampWatch>();
  readonly #waiters = new Waiters();

  constructor(live: () => MemoryGeneration | undefined, options: MemoryReaderOptions, onClose: () => void) {
    this.#live = live;
    this.#options = options;
    this.#onClose = onClose;
  }

  lookUp(hashes: readonly string[]): Promise<readonly LookupAnswer[]> {
    const shards = this.#shards();
    if (shards === undefined) return Promise.reject(new LookupUnavailable('No generation of the lookup is live.'));
    const nowMs = this.#options.monotonicMs();
    const readings: ShardReading[] = [];
    const answers = hashes.map((hash): LookupAnswer => {
      const field = fieldOf(hash);
      const index = shardOf(field, shards.length);
      const shard = shards[index];
      if (shard === undefined) throw new RangeError(`There is no shard ${index}.`);
      return { entry: shard.entries.get(field), shard: (readings[index] ??= this.#read(shard, nowMs)) };
    });
    return Promise.resolve(answers);
  }

  shards(): Promise<readonly ShardReading[]> {
    const shards = this.#shards();
    if (shards === undefined) return Promise.reject(new LookupUnavailable('No generation of the lookup is live.'));
    const nowMs = this.#options.monotonicMs();
    return Promise.resolve(shards.map((shard) => this.#read(shard, nowMs)));
  }

  advanced(signal: AbortSignal): Promise<void> {
    return this.#waiters.wait(signal);
  }

  /** The store calls this at every write, so a change of a stamp is seen when it happens. */
  observe(generation: MemoryGeneration): void {
    const nowMs = this.#options.monotonicMs();
    for (const shard of generation.shards) this.#watch(shard).observe(shard.stamp, nowMs, nowMs);
    this.wake();
  }

  /** Ends the waiting of `advanced`. */
  wake(): void {
    this.#waiters.wake();
  }

  close(): void {
    this.#onClose();
    this.wake();
  }

  #shards(): readonly MemoryShard[] | undefined {
    const shards = this.#live()?.shards;
    return shards?.some((shard) => shard.retired) === true ? undefined : shards;
  }

  #read(shard: MemoryShard, nowMs: number): ShardReading {
    const fresh = this.#watch(shard).isFresh(nowMs, this.#options.maxStalenessMs);
    return { position: shard.position, unproved: shard.unproved, fresh, legacy: shard.legacy };
  }

  #watch(shard: MemoryShard): StampWatch {
    let watch = this.#watches.get(shard);
    if (watch === undefined) this.#watches.set(shard, (watch = new StampWatch()));
    return watch;
  }
}
