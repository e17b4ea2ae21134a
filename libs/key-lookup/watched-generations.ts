import { type GenerationOrigin } from './lookup-store.ts';
import { shardKey } from './redis-keys.ts';
import { WatchedShard } from './watched-shard.ts';

export interface WatchedGeneration {
  readonly name: string;
  readonly shards: readonly WatchedShard[];
}

/**
 * All generations that there are, not the live one alone: so their stamps have been seen to change when the pointer moves.
 */
export class WatchedGenerations {
  #generations = new Map<string, WatchedGeneration>();
  #live: WatchedGeneration | undefined;

  get live(): WatchedGeneration | undefined {
    return this.#live;
  }

  get all(): Iterable<WatchedGeneration> {
    return this.#generations.values();
  }

  /** @returns whether the pointer names another than before */
  update(live: string | undefined, origins: ReadonlyMap<string, GenerationOrigin>): boolean {
    const generations = new Map<string, WatchedGeneration>();
    for (const [name, { shards }] of origins) {
      const known = this.#generations.get(name);
      generations.set(name, known?.shards.length === shards ? known : watchedGeneration(name, shards));
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
}

function watchedGeneration(name: string, shards: number): WatchedGeneration {
  return { name, shards: Array.from({ length: shards }, (_, shard) => new WatchedShard(shardKey(name, shard))) };
}
