import { decide, refuse, type Decision } from './decision.ts';
import { type UserKeys } from './user-keys.ts';

export interface KeyDeletion {
  readonly userId: string;
  readonly keyId: string;
  readonly at: string;
}

export function deleteKey(user: UserKeys, { userId, keyId, at }: KeyDeletion): Decision {
  if (user.deletion !== undefined) return refuse('USER_DELETED');
  const key = user.keys.get(keyId);
  if (key === undefined) return refuse('KEY_NOT_FOUND');
  return decide({ type: 'KeyDeleted', data: { userId, keyId, hash: key.hash, at } });
}
