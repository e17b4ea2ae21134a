import { describe, expect, it } from '@jest/globals';
import { created, eventsOf, given, hashNo, keyDeleted, keysCreated, rolled, userDeleted } from '#testing/given-keys';
import { createKey, type NewKey } from './create-key.ts';
import { refuse, refuseScope } from './decision.ts';

const aKey: NewKey = {
  userId: 'ann',
  keyId: 'key-99',
  label: 'Deploys',
  description: 'From the build host',
  scopes: ['feature_flag:read', 'insight:write'],
  hash: hashNo(99),
  mask: 'lkp_...ZZZZ',
  at: '2026-03-02T09:30:00.000Z',
};

const GRANTABLE = new Set(aKey.scopes);

describe('createKey', () => {
  it('creates a first key for a user never seen', () => {
    expect(given().when((user) => createKey(user, aKey, GRANTABLE))).toEqual({
      events: [{ type: 'KeyCreated', data: aKey }],
    });
  });

  it('stores scopes without repetition, in the order given', () => {
    const scopes = ['insight:write', 'feature_flag:read', 'insight:write'];
    const [event] = eventsOf(given().when((user) => createKey(user, { ...aKey, scopes }, GRANTABLE)));
    expect(event).toMatchObject({ data: { scopes: ['insight:write', 'feature_flag:read'] } });
  });

  it.each([undefined, null, ''])('stores no description for %p', (description) => {
    const [event] = eventsOf(given().when((user) => createKey(user, { ...aKey, description }, GRANTABLE)));
    expect(event).toMatchObject({ data: { description: null } });
  });

  it('creates a tenth key', () => {
    expect(eventsOf(given(...keysCreated(9)).when((user) => createKey(user, aKey, GRANTABLE)))).toHaveLength(1);
  });

  it("refuses an eleventh key in PostHog's words", () => {
    expect(given(...keysCreated(10)).when((user) => createKey(user, aKey, GRANTABLE))).toEqual({
      refused: 'KEY_LIMIT_REACHED',
      message: 'You can only have 10 personal API keys. Remove an existing key before creating a new one.',
    });
  });

  it('has room again once one of ten keys is deleted', () => {
    const history = [...keysCreated(10), keyDeleted({ keyId: 'key-4', hash: hashNo(4) })];
    expect(eventsOf(given(...history).when((user) => createKey(user, aKey, GRANTABLE)))).toHaveLength(1);
  });

  it('refuses while an import has left more than ten keys', () => {
    const history = [...keysCreated(12), keyDeleted({ keyId: 'key-4', hash: hashNo(4) })];
    expect(given(...history).when((user) => createKey(user, aKey, GRANTABLE))).toEqual(refuse('KEY_LIMIT_REACHED'));
  });

  it('refuses the id of a living key, and that of a deleted one', () => {
    const again = { ...aKey, keyId: 'key-1' };
    const refused = refuse('KEY_ID_REUSED', 'keyId');
    expect(given(created()).when((user) => createKey(user, again, GRANTABLE))).toEqual(refused);
    expect(given(created(), keyDeleted()).when((user) => createKey(user, again, GRANTABLE))).toEqual(refused);
  });

  it('refuses every hash that the stream has seen: living, rolled away, deleted', () => {
    const refused = refuse('HASH_REUSED', 'hash');
    expect(given(created()).when((user) => createKey(user, { ...aKey, hash: hashNo(1) }, GRANTABLE))).toEqual(refused);
    expect(given(created(), rolled()).when((user) => createKey(user, { ...aKey, hash: hashNo(1) }, GRANTABLE))).toEqual(
      refused,
    );
    expect(given(created(), rolled()).when((user) => createKey(user, { ...aKey, hash: hashNo(2) }, GRANTABLE))).toEqual(
      refused,
    );
    const deleted = given(created(), rolled(), keyDeleted({ hash: hashNo(2) }));
    expect(deleted.when((user) => createKey(user, { ...aKey, hash: hashNo(2) }, GRANTABLE))).toEqual(refused);
  });

  it('refuses a scope that is not given to keys, the first one that is named, before it counts the keys', () => {
    const scopes = ['insight:write', 'invoice:read', 'invoice:write'];
    expect(given(...keysCreated(10)).when((user) => createKey(user, { ...aKey, scopes }, GRANTABLE))).toEqual({
      refused: 'INVALID_SCOPE',
      message: 'Invalid scope: invoice:read',
      attr: 'scopes',
    });
  });

  it('gives no scope because another one implies it', () => {
    for (const scopes of [['insight:read'], ['*']]) {
      expect(given().when((user) => createKey(user, { ...aKey, scopes }, GRANTABLE))).toEqual(refuseScope(scopes[0]!));
    }
  });

  it('refuses everything after the user is deleted', () => {
    expect(given(userDeleted()).when((user) => createKey(user, aKey, GRANTABLE))).toEqual(refuse('USER_DELETED'));
  });
});
