import { decodeEntry, UnreadableRecord } from './entry-record.ts';
import { type LookupAnswer, LookupUnavailable, type ShardReading } from './lookup-reader.ts';
import { RedisSilent } from './redis-connection.ts';
import { RoundTrips } from './round-trips.ts';
import { ShardRead, type ShardReadReply } from './shard-read.ts';
import { WatchedShard } from './watched-shard.ts';

export interface RedisShardOptions {
  readonly maxStalenessMs: number;
  readonly monotonicMs: () => number;
  readonly send: (read: ShardRead) => Promise<ShardReadReply>;
  /** Told when its state is another than before, and when it is away. */
  readonly onChange: () => void;
}

interface ShardLook {
  readonly reply: ShardReadReply;
  /** Undefined: the shard is retired, or not there. */
  readonly reading: ShardReading | undefined;
}

/** Between two tries of a shard that is away. */
const PROBE_MS = 250;

/**
 * One shard as a reader asks it. All calls that come together, or while earlier ones are on their way, share one HMGET, which
 * reads entries and state at one moment. It has rounds of its own, so that a shard which hangs holds up no other; and
 * while it is known not to answer (it is *away*), whoever asks is told so at once, and it is tried beside that.
 */
export class RedisShard {
  readonly #watched: WatchedShard;
  readonly #options: RedisShardOptions;
  readonly #rounds = new RoundTrips<LookupAnswer>((fields) => this.#answer(fields));
  #isAway = false;
  #probedAtMs = -Infinity;
  #glance: Promise<unknown> | undefined;

  constructor(key: string, options: RedisShardOptions) {
    this.#watched = new WatchedShard(key);
    this.#options = options;
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  /**
   * One answer per field, in order. Undefined: the shard is retired, or not there.
   * @param fields see lookup-field.ts
   * @throws LookupUnavailable
   */
  async lookUp(fields: readonly string[]): Promise<readonly LookupAnswer[] | undefined> {
    if (this.#isAway) await this.#refuse();
    try {
      return await this.#rounds.ask(fields);
    } catch (error) {
      if (error instanceof ShardGone) return undefined;
      throw error;
    }
  }

  /** Undefined: the shard is retired, or not there. @throws LookupUnavailable */
  async read(): Promise<ShardReading | undefined> {
    if (this.#isAway) await this.#refuse();
    return (await this.#look([])).reading;
  }

  /** Looks at its state, whether or not it is away. One look is under way at a time. @throws LookupUnavailable */
  async glance(): Promise<void> {
    this.#glance ??= this.#look([]).finally(() => (this.#glance = undefined));
    await this.#glance;
  }

  async #refuse(): Promise<never> {
    const nowMs = this.#options.monotonicMs();
    if (nowMs - this.#probedAtMs >= PROBE_MS) {
      this.#probedAtMs = nowMs;
      this.glance().catch(() => undefined);
    }
    // Whoever asks again at once, and again, must not keep the process from hearing the shard's answer.
    await new Promise(setImmediate);
    throw new LookupUnavailable('The shard does not answer.');
  }

  async #answer(fields: readonly string[]): Promise<readonly LookupAnswer[]> {
    // Those that were gathered while earlier ones hung: each further round would hang as long again.
    if (this.#isAway) await this.#refuse();
    const { reply, reading } = await this.#look(fields);
    if (reading === undefined) throw new ShardGone();
    return fields.map((_, nth) => answerOf(reply[nth + 1], reading));
  }

  /** What it says is of one moment, however much is read of the same shard meanwhile. */
  async #look(fields: readonly string[]): Promise<ShardLook> {
    const { monotonicMs, maxStalenessMs, send, onChange } = this.#options;
    const read = new ShardRead(this.#watched.key, fields);
    const askedMs = monotonicMs();
    let reply: ShardReadReply;
    try {
      reply = await send(read);
    } catch (error) {
      if (error instanceof RedisSilent && !this.#isAway) {
        this.#isAway = true;
        this.#probedAtMs = monotonicMs();
        onChange();
      }
      throw error;
    }
    this.#isAway = false;
    if (read.connection === undefined) throw new LookupUnavailable('The answer came by no connection.');
    if (this.#watched.observe(reply[0], read.connection, askedMs)) onChange();
    return { reply, reading: this.#watched.reading(monotonicMs(), maxStalenessMs) };
  }
}

/** The shard is retired, or not there: the pointer has to be asked again. */
class ShardGone extends Error {}

function answerOf(record: Buffer | null | undefined, shard: ShardReading): LookupAnswer {
  if (record === null || record === undefined) return { entry: undefined, shard };
  try {
    return { entry: decodeEntry(record), shard };
  } catch (error) {
    if (error instanceof UnreadableRecord) return { entry: undefined, unreadable: true, shard };
    throw error;
  }
}
