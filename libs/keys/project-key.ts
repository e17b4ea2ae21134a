import { type KeyEvent } from './events.ts';
import { legacyParameterSet } from './legacy-parameter-set.ts';

/**
 * What an event does to the lookup (hash → entry). Order decides ownership:
 *   put      adds the entry, unless the hash has one of another (userId, keyId);
 *   replace  changes the entry, if it is there and of the same (userId, keyId);
 *   remove   takes the entry away, if it is there and of that (userId, keyId).
 * `legacy` is the parameter set that the hash belongs to, and is counted whether or not the entry was touched: a put adds
 * one, a remove takes one away, so the counts follow from the events alone.
 */
export type LookupChange =
  | { readonly put: string; readonly entry: LookupEntry; readonly legacy?: string }
  | { readonly replace: string; readonly entry: LookupEntry }
  | { readonly remove: string; readonly owner: KeyOwner; readonly legacy?: string };

export interface KeyOwner {
  readonly userId: string;
  readonly keyId: string;
}

export interface LookupEntry extends KeyOwner {
  readonly scopes: readonly string[];
}

/** Stateless: each event carries every hash that it touches, so a replay needs no reads. To be applied in order. */
export function projectKey({ type, data }: KeyEvent): readonly LookupChange[] {
  switch (type) {
    case 'KeyCreated':
      return [put(data.hash, data)];
    case 'KeyRolled':
      return [remove(data.oldHash, data), put(data.newHash, data)];
    case 'ScopesChanged':
      return [{ replace: data.hash, entry: entryOf(data) }];
    case 'KeyDeleted':
      return [remove(data.hash, data)];
    case 'KeyRelabelled':
    case 'UserDeleted':
      return [];
  }
}

/** The hash whose entry it touches. */
export function hashOf(change: LookupChange): string {
  if ('put' in change) return change.put;
  return 'replace' in change ? change.replace : change.remove;
}

function put(hash: string, data: LookupEntry): LookupChange {
  return { put: hash, entry: entryOf(data), ...legacyOf(hash) };
}

function remove(hash: string, { userId, keyId }: KeyOwner): LookupChange {
  return { remove: hash, owner: { userId, keyId }, ...legacyOf(hash) };
}

function entryOf({ userId, keyId, scopes }: LookupEntry): LookupEntry {
  return { userId, keyId, scopes };
}

function legacyOf(hash: string): { legacy?: string } {
  const legacy = legacyParameterSet(hash);
  return legacy === undefined ? {} : { legacy };
}
