import { describe, expect, it } from '@jest/globals';
import { created, given, hashNo, keyDeleted, rolled, userDeleted } from '#testing/given-keys';
import { refuse } from './decision.ts';
import { deleteKey } from './delete-key.ts';

const aDeletion = { userId: 'ann', keyId: 'key-1', at: '2026-03-02T09:30:00.000Z' };

describe('deleteKey', () => {
  it('deletes a key, naming the hash that it has now', () => {
    expect(given(created(), rolled()).when((user) => deleteKey(user, aDeletion))).toEqual({
      events: [{ type: 'KeyDeleted', data: { ...aDeletion, hash: hashNo(2) } }],
    });
  });

  it('refuses a key that never was, and one that is deleted', () => {
    expect(given().when((user) => deleteKey(user, aDeletion))).toEqual(refuse('KEY_NOT_FOUND'));
    expect(given(created(), keyDeleted()).when((user) => deleteKey(user, aDeletion))).toEqual(refuse('KEY_NOT_FOUND'));
  });

  it('refuses everything after the user is deleted', () => {
    expect(given(created(), userDeleted()).when((user) => deleteKey(user, aDeletion))).toEqual(refuse('USER_DELETED'));
  });
});
