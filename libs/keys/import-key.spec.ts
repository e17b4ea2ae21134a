import { describe, expect, it } from '@jest/globals';
import {
  created,
  eventsOf,
  given,
  hashNo,
  keyDeleted,
  keysCreated,
  legacyHashNo,
  MORNING,
  rolled,
  userDeleted,
} from '#testing/given-keys';
import { createKey } from './create-key.ts';
import { decide, refuse, refuseScope } from './decision.ts';
import { importKey, isAtLimit, MAX_IMPORTED_KEYS_PER_USER, type ForeignKey } from './import-key.ts';
import { keyRecord } from './key-record.ts';
import { noKeys, tombstonedUser } from './user-keys.ts';

const GRANTABLE = new Set(['feature_flag:read', 'insight:write', 'insight:read']);
const aKey: ForeignKey = {
  userId: 'ann',
  keyId: 'key-99',
  label: 'From before',
  scopes: ['feature_flag:read', 'insight:write', 'feature_flag:read'],
  hash: legacyHashNo(99),
  mask: null,
  createdAt: MORNING,
};

describe('importKey', () => {
  it('takes a key in with its hash and the time of its creation, scopes without repetition', () => {
    expect(given().when((user) => importKey(user, aKey, GRANTABLE))).toEqual({
      events: [
        {
          type: 'KeyCreated',
          data: {
            userId: 'ann',
            keyId: 'key-99',
            label: 'From before',
            description: null,
            scopes: ['feature_flag:read', 'insight:write'],
            hash: legacyHashNo(99),
            mask: null,
            at: MORNING,
          },
        },
      ],
    });
  });

  it('leaves a key that is there already as it is: living, rolled or deleted', () => {
    const first = eventsOf(importKey(noKeys(), aKey, GRANTABLE));
    const roll = rolled({ keyId: 'key-99', oldHash: aKey.hash, newHash: hashNo(2) });
    const deletion = keyDeleted({ keyId: 'key-99', hash: aKey.hash });
    for (const since of [[], [roll], [deletion], [deletion, userDeleted()]]) {
      expect(given(...first, ...since).when((user) => importKey(user, aKey, GRANTABLE))).toEqual(decide());
    }
  });

  it('leaves a created key as it is when an imported one has its id', () => {
    const again = { ...aKey, keyId: 'key-1' };
    expect(given(created()).when((user) => importKey(user, again, GRANTABLE))).toEqual(decide());
  });

  it('refuses every hash that the stream has seen under another id: living, rolled away, deleted', () => {
    const refused = refuse('HASH_REUSED', 'hash');
    const imported = created({ hash: aKey.hash });
    const roll = rolled({ oldHash: aKey.hash });
    expect(given(imported).when((user) => importKey(user, aKey, GRANTABLE))).toEqual(refused);
    expect(given(imported, roll).when((user) => importKey(user, aKey, GRANTABLE))).toEqual(refused);
    const deleted = given(imported, roll, keyDeleted({ hash: hashNo(2) }));
    expect(deleted.when((user) => importKey(user, aKey, GRANTABLE))).toEqual(refused);
    expect(deleted.when((user) => importKey(user, { ...aKey, hash: hashNo(2) }, GRANTABLE))).toEqual(refused);
  });

  it('refuses a scope that may not be given, unless the key is there already', () => {
    const narrower = new Set(['feature_flag:read']);
    expect(importKey(noKeys(), aKey, narrower)).toEqual(refuseScope('insight:write'));
    const imported = given(...eventsOf(importKey(noKeys(), aKey, GRANTABLE)));
    expect(imported.when((user) => importKey(user, aKey, narrower))).toEqual(decide());
  });

  it('refuses a key of a deleted user, tombstoned or not', () => {
    expect(given(userDeleted()).when((user) => importKey(user, aKey, GRANTABLE))).toEqual(refuse('USER_DELETED'));
    expect(importKey(tombstonedUser(), aKey, GRANTABLE)).toEqual(refuse('USER_DELETED'));
  });

  it('takes an eleventh key in, while none can be created until fewer than ten are left', () => {
    const ten = keysCreated(10);
    expect(isAtLimit(given(...keysCreated(9)).user)).toBe(false);
    expect(isAtLimit(given(...ten).user)).toBe(true);
    const eleven = [...ten, ...eventsOf(given(...ten).when((user) => importKey(user, aKey, GRANTABLE)))];
    const another = { ...aKey, keyId: 'key-100', hash: hashNo(100), mask: 'lkp_...ZZZZ', at: MORNING };
    const goneToTen = [...eleven, keyDeleted({ keyId: 'key-1', hash: hashNo(1) })];
    const goneToNine = [...goneToTen, keyDeleted({ keyId: 'key-2', hash: hashNo(2) })];
    expect(given(...eleven).when((user) => createKey(user, another, GRANTABLE))).toEqual(refuse('KEY_LIMIT_REACHED'));
    expect(given(...goneToTen).when((user) => createKey(user, another, GRANTABLE))).toEqual(
      refuse('KEY_LIMIT_REACHED'),
    );
    expect(eventsOf(given(...goneToNine).when((user) => createKey(user, another, GRANTABLE)))).toHaveLength(1);
  });

  it('refuses a key to a user who has hundreds, until one of them is gone, but none that is there', () => {
    const many = keysCreated(MAX_IMPORTED_KEYS_PER_USER);
    const oneKey = { ...aKey, keyId: 'one-more' };
    const refused = { refused: 'TOO_MANY_KEYS' };
    expect(given(...many).when((user) => importKey(user, oneKey, GRANTABLE))).toMatchObject(refused);
    const again = { ...oneKey, keyId: 'key-7' };
    expect(given(...many).when((user) => importKey(user, again, GRANTABLE))).toEqual(decide());
    const fewer = given(...many, keyDeleted());
    expect(eventsOf(fewer.when((user) => importKey(user, oneKey, GRANTABLE)))).toHaveLength(1);
  });

  it.each([
    [legacyHashNo(99), true],
    [legacyHashNo(99, 390_000), true],
    [hashNo(99), false],
  ])('marks the key of %s as legacy: %p', (hash, legacy) => {
    const { user } = given(...eventsOf(importKey(noKeys(), { ...aKey, hash }, GRANTABLE)));
    expect(keyRecord('ann', user.keys.get('key-99')!)).toMatchObject({ legacy, createdAt: MORNING });
  });
});
