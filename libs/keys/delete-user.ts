import { decide, type Decision } from './decision.ts';
import { type KeyEvent } from './events.ts';
import { listKeys, type UserKeys } from './user-keys.ts';

/**
 * One list, so one append: UserDeleted first, then a KeyDeleted for each key, whose `$causationId` is to be the id of
 * the first event. Decided for a user never seen too, so that nothing can be created afterwards. Never refused: a user
 * who is deleted already needs no event, and is answered from `user.deletion` as the first time.
 */
export function deleteUser(user: UserKeys, { userId, at }: { userId: string; at: string }): Decision {
  if (user.deletion !== undefined) return decide();
  const keysDeleted = listKeys(user).map(({ keyId, hash }): KeyEvent => ({
    type: 'KeyDeleted',
    data: { userId, keyId, hash, at },
  }));
  return decide({ type: 'UserDeleted', data: { userId, at } }, ...keysDeleted);
}
