import { describe, expect, it } from '@jest/globals';
import {
  created,
  eventsOf,
  given,
  hashNo,
  keyDeleted,
  legacyHashNo,
  rolled,
  scopesChanged,
  userDeleted,
} from '#testing/given-keys';
import { refuse } from './decision.ts';
import { rollKey, type KeyRoll } from './roll-key.ts';

const aRoll: KeyRoll = {
  userId: 'ann',
  keyId: 'key-1',
  hash: hashNo(99),
  mask: 'lkp_...ZZZZ',
  at: '2026-03-02T09:30:00.000Z',
};

describe('rollKey', () => {
  it('replaces hash and mask, and carries what the entry of the new hash needs', () => {
    const history = [created(), scopesChanged({ scopes: ['insight:write', 'action:read'] })];
    expect(given(...history).when((user) => rollKey(user, aRoll))).toEqual({
      events: [
        {
          type: 'KeyRolled',
          data: {
            userId: 'ann',
            keyId: 'key-1',
            oldHash: hashNo(1),
            newHash: hashNo(99),
            mask: 'lkp_...ZZZZ',
            scopes: ['insight:write', 'action:read'],
            at: '2026-03-02T09:30:00.000Z',
          },
        },
      ],
    });
  });

  it('upgrades a legacy key', () => {
    const [event] = eventsOf(given(created({ hash: legacyHashNo(1) })).when((user) => rollKey(user, aRoll)));
    expect(event).toMatchObject({ data: { oldHash: legacyHashNo(1), newHash: hashNo(99) } });
  });

  it('goes on when the key still has the hash that the command first saw', () => {
    const again = { ...aRoll, firstSeenHash: hashNo(1) };
    expect(eventsOf(given(created()).when((user) => rollKey(user, again)))).toHaveLength(1);
  });

  it('tells the loser of two rolls', () => {
    const again = { ...aRoll, firstSeenHash: hashNo(1) };
    expect(given(created(), rolled()).when((user) => rollKey(user, again))).toEqual(refuse('CONFLICT'));
  });

  it('tells the loser so even when both rolled to the same hash', () => {
    const again = { ...aRoll, hash: hashNo(2), firstSeenHash: hashNo(1) };
    expect(given(created(), rolled()).when((user) => rollKey(user, again))).toEqual(refuse('CONFLICT'));
  });

  it("refuses the key's own hash, and every other that the stream has seen", () => {
    const refused = refuse('HASH_REUSED', 'hash');
    const history = given(created(), rolled(), created({ keyId: 'key-2', hash: hashNo(3) }));
    for (const hash of [hashNo(1), hashNo(2), hashNo(3)]) {
      expect(history.when((user) => rollKey(user, { ...aRoll, hash }))).toEqual(refused);
    }
  });

  it('refuses a key that never was, and one that is deleted', () => {
    expect(given().when((user) => rollKey(user, aRoll))).toEqual(refuse('KEY_NOT_FOUND'));
    expect(given(created(), keyDeleted()).when((user) => rollKey(user, aRoll))).toEqual(refuse('KEY_NOT_FOUND'));
  });

  it('refuses everything after the user is deleted', () => {
    expect(given(created(), userDeleted()).when((user) => rollKey(user, aRoll))).toEqual(refuse('USER_DELETED'));
  });
});
