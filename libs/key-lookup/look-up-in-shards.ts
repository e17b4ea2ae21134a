import { shardOf } from './lookup-field.ts';
import { type LookupAnswer } from './lookup-reader.ts';

type ShardAnswers = readonly LookupAnswer[] | undefined;

export interface AskableShard {
  /** One answer per field, in order. Undefined: the shard is retired, or not there. */
  readonly lookUp: (fields: readonly string[]) => Promise<ShardAnswers>;
}

export interface InShardsOptions {
  /** How long those that are there wait for the rest. */
  readonly togetherMs: number;
  /** Asked where a late shard turns out to be retired or not there: of the generation that is live by then. */
  readonly askAnew: (field: string) => Promise<LookupAnswer>;
}

/**
 * Asks each shard for its fields. Those that are there wait for the rest no longer than `togetherMs`: what is late then is
 * promised, and the promise never rejects. A shard that can't be asked gives answers that are not fresh.
 * @returns one answer per field, in order; undefined: some shard is retired, or not there
 * @throws what the first of them said when none can be asked
 */
export async function lookUpInShards(
  shards: readonly AskableShard[],
  fields: readonly string[],
  { togetherMs, askAnew }: InShardsOptions,
): Promise<readonly (LookupAnswer | Promise<LookupAnswer>)[] | undefined> {
  const parts = new Map<number, Part>();
  const places = fields.map((field): Place => {
    const nth = shardOf(field, shards.length);
    let part = parts.get(nth);
    if (part === undefined) parts.set(nth, (part = new Part(nth)));
    return { part, nth: part.fields.push(field) - 1 };
  });
  await allSettled([...parts.values()], shards, togetherMs);
  let isAnyHere = false;
  for (const part of parts.values()) {
    if (part.isGone) return undefined;
    isAnyHere ||= part.fault === undefined;
  }
  if (!isAnyHere) throw places[0]?.part.fault;
  return places.map(({ part, nth }) => part.answer(nth, askAnew));
}

/** Resolves when every shard has answered or failed, or when time is up. */
function allSettled(parts: readonly Part[], shards: readonly AskableShard[], ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    let missing = parts.length;
    const settled = () => {
      missing -= 1;
      if (missing > 0) return;
      clearTimeout(timer);
      resolve();
    };
    for (const part of parts) void part.ask(shards).then(settled);
  });
}

/** Of a shard that could not be asked. */
const AWAY: LookupAnswer = {
  entry: undefined,
  shard: { position: undefined, unproved: true, fresh: false, legacy: [] },
};

interface Place {
  readonly part: Part;
  /** Of the part's answers. */
  readonly nth: number;
}

/** What one list asks of one shard, and what came of it so far. */
class Part {
  readonly fields: string[] = [];
  readonly #shard: number;
  #settled: Promise<void> | undefined;
  #isSettled = false;
  #answers: ShardAnswers;
  #fault: unknown;

  constructor(shard: number) {
    this.#shard = shard;
  }

  /** It answered that it is retired, or not there. */
  get isGone(): boolean {
    return this.#isSettled && this.#answers === undefined && this.#fault === undefined;
  }

  /** Undefined where it answered, or may still do so. */
  get fault(): unknown {
    return this.#fault;
  }

  /** Resolves when it answered, or can't be asked. */
  ask(shards: readonly AskableShard[]): Promise<void> {
    const shard = shards[this.#shard];
    if (shard === undefined) throw new RangeError(`There is no shard ${this.#shard}.`);
    this.#settled = shard.lookUp(this.fields).then(
      (answers) => {
        this.#isSettled = true;
        this.#answers = answers;
      },
      (fault: unknown) => {
        this.#isSettled = true;
        this.#fault = fault;
      },
    );
    return this.#settled;
  }

  answer(nth: number, askAnew: InShardsOptions['askAnew']): LookupAnswer | Promise<LookupAnswer> {
    const settled = () => this.#answers?.[nth] ?? AWAY;
    if (this.#isSettled || this.#settled === undefined) return settled();
    const field = this.fields[nth] ?? '';
    return this.#settled.then(() => (this.isGone ? askAnew(field).catch(() => AWAY) : settled()));
  }
}
