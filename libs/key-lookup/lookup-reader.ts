import { type LookupEntry } from '#keys/project-key';

/**
 * What a service that verifies keys may ask of the lookup. Implementations read the live generation; every answer of one
 * shard (its entries, its position, its freshness) is true at one moment.
 */
export interface LookupReader {
  /**
   * One answer per hash, in order; one round trip per shard that is touched, none for an empty list.
   * A shard that can't be asked gives answers that are not `fresh`, and keeps nobody from the others. One that is later
   * than the others gives promises of its answers, which are no faults either when it turns out that it can't be asked.
   * @param hashes in the formats of libs/contracts/hash-formats.ts
   * @throws LookupUnavailable when none of these shards can be asked, or no generation is live
   */
  lookUp(hashes: readonly string[]): Promise<readonly (LookupAnswer | Promise<LookupAnswer>)[]>;

  /** How far every shard is; never empty. @throws LookupUnavailable when one can't be asked, or no generation is live */
  shards(): Promise<readonly ShardReading[]>;

  /**
   * Resolves once some shard may be further than when it was called (it may also resolve for nothing), or when `signal`
   * aborts. Never rejects: a lookup that is away resolves by and by, and the next `lookUp` says so.
   */
  advanced(signal: AbortSignal): Promise<void>;
}

export interface LookupAnswer {
  readonly entry: LookupEntry | undefined;
  /** There is an entry, which this version can't read: nothing can be said about the key. Never so in memory. */
  readonly unreadable?: true;
  readonly shard: ShardReading;
}

/** The state of the shard that the answer was read from, read with it. Answers of one call share the object. */
export interface ShardReading {
  /** Its checkpoint: every event up to here is in it. Undefined while nothing was applied. */
  readonly position: bigint | undefined;
  /** The position may be one of a log that is no more, see ShardState: it meets no `minPosition`. */
  readonly unproved: boolean;
  /** Shown to follow the log's head within the staleness bound, see freshness.ts. */
  readonly fresh: boolean;
  /** Parameter sets of the legacy keys that exist (`pbkdf2_sha256$260000$posthog_personal_api_key`). */
  readonly legacy: readonly string[];
}

/** A fault: says nothing about any key. */
export class LookupUnavailable extends Error {
  override readonly name = 'LookupUnavailable';
}
