import { describe, expect, it } from '@jest/globals';
import {
  created,
  EVENING,
  given,
  hashNo,
  keyDeleted,
  keysCreated,
  legacyHashNo,
  MORNING,
  NOON,
  relabelled,
  rolled,
  scopesChanged,
  stored,
  userDeleted,
} from '#testing/given-keys';
import { type KeyEvent } from './events.ts';
import { keyRecord } from './key-record.ts';
import { deletedKeys, evolve, getKey, listKeys, noKeys, tombstonedUser } from './user-keys.ts';

const record = {
  keyId: 'key-1',
  userId: 'ann',
  label: 'CI',
  description: null,
  scopes: ['insight:read'],
  mask: 'lkp_...AAAA',
  createdAt: MORNING,
  lastRolledAt: null,
  legacy: false,
};

describe("a user's keys, folded", () => {
  it('holds a created key', () => {
    expect(recordsOf(created())).toEqual([record]);
  });

  it('marks a key as legacy by its hash', () => {
    expect(recordsOf(created({ hash: legacyHashNo(1), mask: null }))).toEqual([
      { ...record, mask: null, legacy: true },
    ]);
  });

  it('keeps id, label, scopes and creation over a roll; replaces hash and mask; clears the legacy mark', () => {
    const { user } = given(created({ hash: legacyHashNo(1) }), rolled({ oldHash: legacyHashNo(1) }));
    expect(getKey(user, 'key-1')?.hash).toBe(hashNo(2));
    expect(listKeys(user).map((key) => keyRecord('ann', key))).toEqual([
      { ...record, mask: 'lkp_...BBBB', lastRolledAt: NOON },
    ]);
  });

  it('holds changed scopes', () => {
    expect(recordsOf(created(), scopesChanged())).toEqual([{ ...record, scopes: ['insight:write'] }]);
  });

  it('holds a changed label and description', () => {
    expect(recordsOf(created(), relabelled())).toEqual([
      { ...record, label: 'Nightly CI', description: 'On the build host' },
    ]);
  });

  it('forgets a deleted key', () => {
    expect(recordsOf(created(), keyDeleted())).toEqual([]);
    expect(getKey(given(created(), keyDeleted()).user, 'key-1')).toBeUndefined();
  });

  it('knows that the user is deleted, since when, and which keys went along', () => {
    const history = [...keysCreated(2), userDeleted(), keyDeleted({ keyId: 'key-2' }), keyDeleted({ keyId: 'key-1' })];
    const { user } = given(...history);
    expect(listKeys(user)).toEqual([]);
    expect(deletedKeys(user)).toEqual(['key-2', 'key-1']);
    expect(user.deletion?.position).toBe(4n);
  });

  it('takes a tombstoned stream for a deleted user of whom nothing else is known', () => {
    expect(deletedKeys(tombstonedUser())).toEqual([]);
    expect(tombstonedUser().deletion).toMatchObject({ position: undefined });
  });

  it('names no deleted keys while the user lives', () => {
    expect(deletedKeys(given(created(), keyDeleted()).user)).toEqual([]);
  });

  it('lists newest first, and of equal times the later in the log first', () => {
    const history = [
      created({ keyId: 'noon', at: NOON }),
      created({ keyId: 'morning', at: MORNING }),
      created({ keyId: 'evening', at: EVENING }),
      created({ keyId: 'noon-again', at: '2026-03-01T12:00:00Z' }),
    ];
    const { user } = given(...history);
    expect(listKeys(user).map(({ keyId }) => keyId)).toEqual(['evening', 'noon-again', 'noon', 'morning']);
  });

  it('leaves the state that it folds into as it was', () => {
    const { user } = given(...keysCreated(3));
    const before = listKeys(user);
    evolve(user, stored(keyDeleted(), { position: 9n }));
    evolve(user, stored(rolled({ keyId: 'key-2' }), { position: 9n }));
    evolve(user, stored(userDeleted(), { position: 9n }));
    expect(listKeys(user)).toEqual(before);
    expect(user.deletion).toBeUndefined();
  });

  it('passes over events of keys that it does not know', () => {
    const strays = [rolled(), scopesChanged(), relabelled(), keyDeleted()];
    expect(strays.map((event) => listKeys(evolve(noKeys(), stored(event, { position: 0n }))))).toEqual([
      [],
      [],
      [],
      [],
    ]);
  });
});

function recordsOf(...history: KeyEvent[]): unknown[] {
  return listKeys(given(...history).user).map((key) => keyRecord('ann', key));
}
