import { describe, expect, it } from '@jest/globals';
import { created, given, hashNo, keyDeleted, keysCreated, legacyHashNo, userDeleted } from '#testing/given-keys';
import { deleteUser } from './delete-user.ts';
import { tombstonedUser } from './user-keys.ts';

const ann = { userId: 'ann', at: '2026-03-02T09:30:00.000Z' };

describe('deleteUser', () => {
  it('deletes the user and every key that is left, in one list', () => {
    const history = [...keysCreated(3), keyDeleted({ keyId: 'key-2', hash: hashNo(2) })];
    expect(given(...history).when((user) => deleteUser(user, ann))).toEqual({
      events: [
        { type: 'UserDeleted', data: ann },
        { type: 'KeyDeleted', data: { ...ann, keyId: 'key-3', hash: hashNo(3) } },
        { type: 'KeyDeleted', data: { ...ann, keyId: 'key-1', hash: hashNo(1) } },
      ],
    });
  });

  it('takes along imported keys beyond ten, legacy ones too', () => {
    const imported = Array.from({ length: 25 }, (_, n) => created({ keyId: `key-${n}`, hash: legacyHashNo(n) }));
    const decision = given(...imported).when((user) => deleteUser(user, ann));
    expect(decision).toMatchObject({ events: { length: 26 } });
  });

  it('deletes a user never seen, so that nothing can be created afterwards', () => {
    expect(given().when((user) => deleteUser(user, ann))).toEqual({ events: [{ type: 'UserDeleted', data: ann }] });
  });

  it('has nothing to do for a user who is deleted already', () => {
    expect(given(created(), userDeleted(), keyDeleted()).when((user) => deleteUser(user, ann))).toEqual({ events: [] });
    expect(deleteUser(tombstonedUser(), ann)).toEqual({ events: [] });
  });
});
