import { decide, descriptionOrNull, refuse, refuseScope, scopeSet, type Decision } from './decision.ts';
import { type KeyEvent } from './events.ts';
import { type Key } from './key.ts';
import { type UserKeys } from './user-keys.ts';

/** What is left out stays as it is. */
export interface KeyChange {
  readonly userId: string;
  readonly keyId: string;
  readonly label?: string | undefined;
  readonly description?: string | null | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly at: string;
}

/**
 * One append for all that changes; what already is as asked for makes no event.
 * @param grantable the scopes that may be given to keys. What the key has it may keep: nobody is forced to take a scope
 *   from a key that works, only because it is no longer given to others
 */
export function changeKey(user: UserKeys, change: KeyChange, grantable: ReadonlySet<string>): Decision {
  if (user.deletion !== undefined) return refuse('USER_DELETED');
  const key = user.keys.get(change.keyId);
  if (key === undefined) return refuse('KEY_NOT_FOUND');
  const unknown = change.scopes?.find((scope) => !grantable.has(scope) && !key.scopes.includes(scope));
  if (unknown !== undefined) return refuseScope(unknown);
  return decide(...scopesChanged(key, change), ...relabelled(key, change));
}

function scopesChanged(key: Key, { userId, keyId, scopes, at }: KeyChange): KeyEvent[] {
  if (scopes === undefined || isSameSet(key.scopes, scopes)) return [];
  return [{ type: 'ScopesChanged', data: { userId, keyId, hash: key.hash, scopes: scopeSet(scopes), at } }];
}

function relabelled(key: Key, change: KeyChange): KeyEvent[] {
  const { userId, keyId, label = key.label, at } = change;
  const description = change.description === undefined ? key.description : descriptionOrNull(change.description);
  if (label === key.label && description === key.description) return [];
  return [{ type: 'KeyRelabelled', data: { userId, keyId, label, description, at } }];
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  const [one, other] = [new Set(some), new Set(others)];
  return one.size === other.size && [...one].every((scope) => other.has(scope));
}
