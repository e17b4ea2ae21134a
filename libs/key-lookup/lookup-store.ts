import { type LookupChange } from '#keys/project-key';

/**
 * What the projector may do to the lookup. A generation is one complete projection, cut into shards; a pointer names the
 * live one. Everything that keeps a projection right hangs on `writeShard` being ONE atomic operation: compare the
 * checkpoint, change the entries, move the checkpoint.
 *
 * @throws LookupUnavailable by every method, when the store can't be asked; a write may then have happened or not, which
 *   the next compare finds out
 */
export interface LookupStore {
  /** The live generation's name. */
  live(): Promise<string | undefined>;

  /** Moves the pointer if it still names `from`; false: it names another. Readers follow without being told. */
  switchLive(from: string | undefined, to: string): Promise<boolean>;

  generations(): Promise<readonly string[]>;

  /** Empty shards without checkpoint or stamp. False: a generation of this name exists. */
  createGeneration(generation: string, origin: GenerationOrigin): Promise<boolean>;

  /** Readers that are still on it may finish: where they can't be seen, it goes after a time of grace. */
  dropGeneration(generation: string): Promise<void>;

  /** Undefined: there is no such generation (dropped, or lost with its server's memory). */
  origin(generation: string): Promise<GenerationOrigin | undefined>;

  /** Undefined: there is no such shard. */
  readShard(generation: string, shard: number): Promise<ShardState | undefined>;

  writeShard(generation: string, shard: number, write: ShardWrite): Promise<ShardWriteResult>;

  /** A fingerprint of all entries and legacy counts, whatever the number of shards and the order of writes. For tests and comparisons. */
  digest(generation: string): Promise<string>;
}

export interface GenerationOrigin {
  /** How many shards, fixed for the generation's life. */
  readonly shards: number;
  /** The random id that is the first event of stream `latchkey-log`: which log this is a projection of. */
  readonly logId: string;
}

/** EventStoreDB's position; both numbers are kept because a subscription resumes from both. Compared by `commit`. */
export interface Checkpoint {
  readonly commit: bigint;
  readonly prepare: bigint;
  /** Of the event that is there in the log this was built from: by it another log is told, that has got as far. */
  readonly eventId?: string;
}

export interface ShardState {
  readonly checkpoint: Checkpoint | undefined;
  /** Changed by every head proof; what it holds means nothing. */
  readonly stamp: string | undefined;
  /** Readers that see it must ask the pointer again. */
  readonly retired: boolean;
  /** The log was out of sight, and it is not proved yet that it is still the same: no `minPosition` is met. */
  readonly unproved: boolean;
}

export interface ShardWrite {
  /** Written only if this is the shard's checkpoint (by `commit`; undefined: none yet). */
  readonly expected: Checkpoint | undefined;
  readonly checkpoint: Checkpoint | undefined;
  /** Those of this shard's hashes, in log order; may be empty. */
  readonly changes: readonly LookupChange[];
  /** Of the whole batch, since every shard counts all legacy keys: parameter set → how many more (or fewer). */
  readonly legacy: ReadonlyMap<string, number>;
  /** Left as it is where absent. */
  readonly stamp?: string;
  /** Left as it is where absent. */
  readonly retired?: boolean;
  /** Left as it is where absent. */
  readonly unproved?: boolean;
}

export type ShardWriteResult =
  /** `refused`: how many changes did nothing: puts over another's entry; replaces and removes of what is not their owner's. */
  | { readonly outcome: 'written'; readonly refused: number }
  | { readonly outcome: 'mismatch'; readonly actual: Checkpoint | undefined }
  | { readonly outcome: 'missing' };
