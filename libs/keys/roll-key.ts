import { decide, refuse, type Decision } from './decision.ts';
import { type UserKeys } from './user-keys.ts';

export interface KeyRoll {
  readonly userId: string;
  readonly keyId: string;
  /** Of the new value. */
  readonly hash: string;
  readonly mask: string;
  readonly at: string;
  /** The key's hash when this command first read it; undefined while deciding for the first time. */
  readonly firstSeenHash?: string | undefined;
}

/**
 * A new value for the same key: id, label, scopes and creation stay. Of two rolls that saw the same hash one wins; the
 * other must be told, because the value that it has shown to its caller will never work.
 */
export function rollKey(user: UserKeys, { userId, keyId, hash, mask, at, firstSeenHash }: KeyRoll): Decision {
  if (user.deletion !== undefined) return refuse('USER_DELETED');
  const key = user.keys.get(keyId);
  if (key === undefined) return refuse('KEY_NOT_FOUND');
  if (firstSeenHash !== undefined && firstSeenHash !== key.hash) return refuse('CONFLICT');
  if (user.seenHashes.has(hash)) return refuse('HASH_REUSED', 'hash');
  return decide({
    type: 'KeyRolled',
    data: { userId, keyId, oldHash: key.hash, newHash: hash, mask, scopes: key.scopes, at },
  });
}
