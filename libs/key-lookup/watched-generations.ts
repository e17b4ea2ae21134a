import { type GenerationOrigin } from './lookup-store.ts';
import { shardKey } from './redis-keys.ts';

export interface WatchedGeneration<Shard> {
  readonly name: string;
  readonly shards: readonly Shard[];
}

/**
 * All generations that there are, not the live one alone: so their stamps have been seen to change when the pointer moves.
 */
export class WatchedGenerations<Shard> {
  readonly #open: (key: string) => Shard;
  #generations = new Map<string, WatchedGeneration<Shard>>();
  #live: WatchedGeneration<Shard> | undefined;

  /** @param open gives what knows the shard of that Redis key */
  constructor(open: (key: string) => Shard) {
    this.#open = open;
  }

  get live(): WatchedGeneration<Shard> | undefined {
    return this.#live;
  }

  /** Of all generations. */
  get shards(): readonly Shard[] {
    return [...this.#generations.values()].flatMap(({ shards }) => shards);
  }

  /** @returns whether the pointer names another than before */
  update(live: string | undefined, origins: ReadonlyMap<string, GenerationOrigin>): boolean {
    const generations = new Map<string, WatchedGeneration<Shard>>();
    for (const [name, { shards }] of origins) {
      const known = this.#generations.get(name);
      generations.set(name, known?.shards.length === shards ? known : this.#watched(name, shards));
    }
    this.#generations = generations;
    const before = this.#live;
    this.#live = live === undefined ? undefined : generations.get(live);
    return before !== this.#live;
  }

  /** The pointer has to be asked again before anything is answered. */
  forgetLive(): void {
    this.#live = undefined;
  }
  #watched(name: string, shards: number): WatchedGeneration<Shard> {
    return { name, shards: Array.from({ length: shards }, (_, shard) => this.#open(shardKey(name, shard))) };
  }
}
