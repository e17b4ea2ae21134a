import { decide, MAX_KEYS_PER_USER, refuse, refuseScope, scopeSet, type Decision } from './decision.ts';
import { type UserKeys } from './user-keys.ts';

/** A key that was made elsewhere, with the hash that it has there, legacy or modern. */
export interface ForeignKey {
  readonly userId: string;
  readonly keyId: string;
  readonly label: string;
  readonly scopes: readonly string[];
  readonly hash: string;
  /** Null where it was never kept. */
  readonly mask: string | null;
  /** When the key was created there, ISO 8601 in UTC. */
  readonly createdAt: string;
}

/**
 * Of the living keys of one user: their deletion is one append with an event for each, of at most 1.1 kB, and has to stay
 * below the event store's limit of 1 MiB.
 */
export const MAX_IMPORTED_KEYS_PER_USER = 500;

export type ImportDecision = Decision | TooManyKeys;

/** Refused to an import alone: no command comes near it. */
export interface TooManyKeys {
  readonly refused: 'TOO_MANY_KEYS';
  readonly message: string;
}

/**
 * A key whose id the stream has ever held needs no event, whatever has become of it: importing again never revives what
 * was rolled or deleted. The limit of ten does not count here: keys beyond it exist already, and `createKey` waits until
 * enough of them are gone. But a user whose keys could not go in one append could not be deleted any more.
 * @param grantable the scopes that may be given to keys
 */
export function importKey(user: UserKeys, key: ForeignKey, grantable: ReadonlySet<string>): ImportDecision {
  const { userId, keyId, label, scopes, hash, mask, createdAt } = key;
  if (user.seenKeyIds.has(keyId)) return decide();
  if (user.deletion !== undefined) return refuse('USER_DELETED');
  const unknown = scopes.find((scope) => !grantable.has(scope));
  if (unknown !== undefined) return refuseScope(unknown);
  if (user.seenHashes.has(hash)) return refuse('HASH_REUSED', 'hash');
  if (user.keys.size >= MAX_IMPORTED_KEYS_PER_USER) return TOO_MANY_KEYS;
  return decide({
    type: 'KeyCreated',
    data: { userId, keyId, label, description: null, scopes: scopeSet(scopes), hash, mask, at: createdAt },
  });
}

/** Whether one key more is more than can be created: an import that goes in is to be reported then. */
export function isAtLimit(user: UserKeys): boolean {
  return user.keys.size >= MAX_KEYS_PER_USER;
}

const TOO_MANY_KEYS: TooManyKeys = {
  refused: 'TOO_MANY_KEYS',
  message: `The user has ${MAX_IMPORTED_KEYS_PER_USER} keys, and could not be deleted with more.`,
};
