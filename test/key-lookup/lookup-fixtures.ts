import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { type LookupChange, type LookupEntry } from '#keys/project-key';
import { GenerationWriter, type LookupBatch } from '#key-lookup/generation-writer';
import { type Checkpoint, type LookupStore, type ShardWrite } from '#key-lookup/lookup-store';

export const LEGACY_SET = 'pbkdf2_sha256$260000$posthog_personal_api_key';
const LEGACY_HASH = `${LEGACY_SET}$eeRy21dbVoEzYND0NVLfjXxgNeO67SeBRrwQr6bbhK4=`;

export function hashOf(name: string): string {
  return `sha256$${createHash('sha256').update(name).digest('hex')}`;
}

export function entryOf(userId: string, keyId = 'key', scopes = ['a:read']): LookupEntry {
  return { userId, keyId, scopes };
}

export function put(name: string, entry: LookupEntry): LookupChange {
  return { put: hashOf(name), entry };
}

export function replace(name: string, entry: LookupEntry): LookupChange {
  return { replace: hashOf(name), entry };
}

export function remove(name: string, { userId, keyId }: LookupEntry): LookupChange {
  return { remove: hashOf(name), owner: { userId, keyId } };
}

export const legacyHash = LEGACY_HASH;
export const putLegacy = (entry: LookupEntry): LookupChange => ({ put: LEGACY_HASH, entry, legacy: LEGACY_SET });
export const removeLegacy = ({ userId, keyId }: LookupEntry): LookupChange => ({
  remove: LEGACY_HASH,
  owner: { userId, keyId },
  legacy: LEGACY_SET,
});

export function at(commit: number | undefined): Checkpoint | undefined {
  return commit === undefined ? undefined : { commit: BigInt(commit), prepare: BigInt(commit) };
}

/** A write of one shard that is at `expected`. */
export function shardWrite(expected: number | undefined, to: number, changes: LookupChange[] = []): ShardWrite {
  return { expected: at(expected), checkpoint: at(to), changes, legacy: new Map() };
}

/** The changes of one event each; the n-th event of a log is at position n, from 1. */
export type Events = readonly (readonly LookupChange[])[];

/** The stretch of a log after position `after` (0: from its beginning). */
export function batch(after: number, ...events: Events): LookupBatch {
  return {
    after: after === 0 ? undefined : at(after),
    upTo: at(after + events.length)!,
    events: events.map((changes, index) => ({ position: BigInt(after + index + 1), changes })),
  };
}

export const NAMES = ['k', 'l', 'm', 'n', 'o', 'p'];

const legacyOf = (verb: (entry: LookupEntry) => LookupChange) => (_: string, entry: LookupEntry) => verb(entry);

/** Logs in which few owners meet over few hashes. */
export const changesOfFewOwners = fc.array(
  fc.array(
    fc
      .record({
        verb: fc.constantFrom(put, put, replace, remove, remove, legacyOf(putLegacy), legacyOf(removeLegacy)),
        name: fc.constantFrom(...NAMES),
        userId: fc.constantFrom('ann', 'bob'),
        keyId: fc.constantFrom('key', 'other'),
        scopes: fc.constantFrom<string[]>(['a:read'], ['b:write'], ['*']),
      })
      .map(({ verb, name, userId, keyId, scopes }) => verb(name, entryOf(userId, keyId, scopes))),
    { minLength: 1, maxLength: 4 },
  ),
  { minLength: 1, maxLength: 30 },
);

/** What a head proof does when it found nothing to apply between `after` and the head. */
export function prove(writer: GenerationWriter, after: number | undefined, head: number, stamp: string) {
  return writer.apply({ after: at(after), upTo: at(head)!, events: [], stamp });
}

/** A new one, switched to as a projector does it: readers follow by the mark of the old one, or because that is gone. */
export async function liveGeneration(store: LookupStore, shards: number, name = 'first'): Promise<void> {
  await store.createGeneration(name, { shards, logId: 'log' });
  const old = await store.live();
  if (old !== undefined && (await store.origin(old)) !== undefined)
    await (await GenerationWriter.open(store, old)).retire();
  await store.switchLive(old, name);
}
