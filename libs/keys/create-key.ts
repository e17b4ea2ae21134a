import {
  decide,
  descriptionOrNull,
  MAX_KEYS_PER_USER,
  refuse,
  refuseScope,
  scopeSet,
  type Decision,
} from './decision.ts';
import { type UserKeys } from './user-keys.ts';

export interface NewKey {
  readonly userId: string;
  readonly keyId: string;
  readonly label: string;
  readonly description?: string | null | undefined;
  readonly scopes: readonly string[];
  readonly hash: string;
  readonly mask: string;
  /** The command's time, ISO 8601 in UTC. */
  readonly at: string;
}

/**
 * One stream per user, so the limit is checked against the one revision that the append names.
 * @param grantable the scopes that may be given to keys
 */
export function createKey(
  user: UserKeys,
  { userId, keyId, label, description, scopes, hash, mask, at }: NewKey,
  grantable: ReadonlySet<string>,
): Decision {
  if (user.deletion !== undefined) return refuse('USER_DELETED');
  const unknown = scopes.find((scope) => !grantable.has(scope));
  if (unknown !== undefined) return refuseScope(unknown);
  if (user.seenKeyIds.has(keyId)) return refuse('KEY_ID_REUSED', 'keyId');
  if (user.seenHashes.has(hash)) return refuse('HASH_REUSED', 'hash');
  if (user.keys.size >= MAX_KEYS_PER_USER) return refuse('KEY_LIMIT_REACHED');
  return decide({
    type: 'KeyCreated',
    data: {
      userId,
      keyId,
      label,
      description: descriptionOrNull(description),
      scopes: scopeSet(scopes),
      hash,
      mask,
      at,
    },
  });
}
