import { type ShardReading } from './lookup-reader.ts';
import { parseShardState, type StoredShardState } from './shard-state.ts';
import { StampWatch } from './stamp-watch.ts';

/** What a reader knows of a shard: the state that it read last, and when it has seen the stamp change. */
export class WatchedShard {
  readonly key: string;
  #text: Buffer | undefined;
  #state: StoredShardState | undefined;
  #legacy: readonly string[] = [];
  #connection: object | undefined;
  #watch = new StampWatch();

  constructor(key: string) {
    this.key = key;
  }

  /**
   * To be called with every answer, in the order in which they came.
   * @param text the field `state`; null where the shard is not there
   * @param connection that the answer came by: a change of the stamp counts only between two answers of the same one
   * @param askedMs the answer is at least that new
   * @returns whether it is another state than the one before
   * @throws Error when the state can't be read by this version
   */
  observe(text: Buffer | null, connection: object, askedMs: number): boolean {
    const isSame = text !== null && this.#text?.equals(text) === true;
    if (!isSame) this.#take(text);
    // By another connection it may be another server, with older data. What comes after nothing may be a dump.
    if (connection !== this.#connection || this.#state === undefined) this.#watch = new StampWatch();
    this.#connection = connection;
    if (this.#state !== undefined) this.#watch.observe(this.#state.stamp, askedMs);
    return !isSame;
  }

  /** As the last answer said. Undefined: the shard is retired, or not there. */
  reading(nowMs: number, maxStalenessMs: number): ShardReading | undefined {
    if (this.#state === undefined || this.#state.retired) return undefined;
    return {
      position: this.#state.checkpoint?.commit,
      unproved: this.#state.unproved,
      fresh: this.#watch.isFresh(nowMs, maxStalenessMs),
      legacy: this.#legacy,
    };
  }

  #take(text: Buffer | null): void {
    const before = this.#state?.checkpoint?.commit ?? -1n;
    this.#text = undefined;
    this.#state = undefined;
    if (text === null) return;
    this.#state = parseShardState(text.toString());
    this.#text = text;
    // Data that went back were exchanged, whatever the connection says.
    if ((this.#state.checkpoint?.commit ?? -1n) < before) this.#watch = new StampWatch();
    const living = [...this.#state.legacyCounts].filter(([, count]) => count > 0);
    this.#legacy = living.map(([set]) => set).sort();
  }
}
