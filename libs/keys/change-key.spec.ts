import { describe, expect, it } from '@jest/globals';
import { created, given, hashNo, keyDeleted, rolled, scopesChanged, userDeleted } from '#testing/given-keys';
import { changeKey } from './change-key.ts';
import { refuse, refuseScope } from './decision.ts';

const which = { userId: 'ann', keyId: 'key-1' };
const at = '2026-03-02T09:30:00.000Z';
const key = created({ label: 'CI', description: 'Old words', scopes: ['insight:read', 'action:read'] });
const GRANTABLE = new Set(['*', 'insight:read', 'action:read', 'action:write']);

describe('changeKey', () => {
  it('changes scopes, naming the hash whose entry they are', () => {
    const change = { ...which, scopes: ['*'], at };
    expect(given(key, rolled()).when((user) => changeKey(user, change, GRANTABLE))).toEqual({
      events: [{ type: 'ScopesChanged', data: { ...which, hash: hashNo(2), scopes: ['*'], at } }],
    });
  });

  it('changes the label and keeps the description', () => {
    expect(given(key).when((user) => changeKey(user, { ...which, label: 'Nightly', at }, GRANTABLE))).toEqual({
      events: [{ type: 'KeyRelabelled', data: { ...which, label: 'Nightly', description: 'Old words', at } }],
    });
  });

  it.each([
    ['New words', 'New words'],
    ['', null],
    [null, null],
  ])('changes the description to %p, stored as %p, and keeps the label', (description, stored) => {
    expect(given(key).when((user) => changeKey(user, { ...which, description, at }, GRANTABLE))).toEqual({
      events: [{ type: 'KeyRelabelled', data: { ...which, label: 'CI', description: stored, at } }],
    });
  });

  it('changes all of it in one list of events', () => {
    const change = { ...which, label: 'Nightly', description: 'New words', scopes: ['*'], at };
    expect(given(key).when((user) => changeKey(user, change, GRANTABLE))).toEqual({
      events: [
        { type: 'ScopesChanged', data: { ...which, hash: hashNo(1), scopes: ['*'], at } },
        { type: 'KeyRelabelled', data: { ...which, label: 'Nightly', description: 'New words', at } },
      ],
    });
  });

  it.each([
    ['nothing', {}],
    ['the same label', { label: 'CI' }],
    ['the same description', { description: 'Old words' }],
    ['the same scopes', { scopes: ['insight:read', 'action:read'] }],
    ['the same scopes in another order', { scopes: ['action:read', 'insight:read'] }],
    ['the same scopes with one repeated', { scopes: ['action:read', 'insight:read', 'action:read'] }],
    ['the same of everything', { label: 'CI', description: 'Old words', scopes: ['insight:read', 'action:read'] }],
  ])('has nothing to change for %s', (_, change) => {
    expect(given(key).when((user) => changeKey(user, { ...which, ...change, at }, GRANTABLE))).toEqual({ events: [] });
  });

  it('has nothing to change where no description is asked for and there is none', () => {
    expect(given(created()).when((user) => changeKey(user, { ...which, description: '', at }, GRANTABLE))).toEqual({
      events: [],
    });
  });

  it.each([
    ['fewer', ['insight:read']],
    ['more', ['insight:read', 'action:read', 'action:write']],
    ['as many, one of them repeated', ['insight:read', 'insight:read']],
  ])('takes %s scopes for a change', (_, scopes) => {
    expect(given(key).when((user) => changeKey(user, { ...which, scopes, at }, GRANTABLE))).toMatchObject({
      events: [{ type: 'ScopesChanged' }],
    });
  });

  it('refuses a scope that is not given to keys, and changes nothing else then', () => {
    const change = { ...which, label: 'Nightly', scopes: ['insight:read', 'invoice:read'], at };
    expect(given(key).when((user) => changeKey(user, change, GRANTABLE))).toEqual(refuseScope('invoice:read'));
  });

  it('lets a key keep a scope that is no longer given, until it is taken away', () => {
    const change = (scopes?: string[]) =>
      given(key).when((user) => changeKey(user, { ...which, scopes, at }, ONLY_ALL));
    const ONLY_ALL = new Set(['*']);
    expect(change(undefined)).toEqual({ events: [] });
    expect(change(['action:read', 'insight:read'])).toEqual({ events: [] });
    for (const scopes of [['insight:read'], ['insight:read', '*']]) {
      expect(change(scopes)).toMatchObject({ events: [{ type: 'ScopesChanged', data: { scopes } }] });
    }
    const narrowed = given(key, scopesChanged({ scopes: ['insight:read'] }));
    const back = { ...which, scopes: ['insight:read', 'action:read'], at };
    expect(narrowed.when((user) => changeKey(user, back, ONLY_ALL))).toEqual(refuseScope('action:read'));
  });

  it('refuses a key that never was, and one that is deleted', () => {
    const change = { ...which, label: 'Nightly', at };
    expect(given().when((user) => changeKey(user, change, GRANTABLE))).toEqual(refuse('KEY_NOT_FOUND'));
    expect(given(key, keyDeleted()).when((user) => changeKey(user, change, GRANTABLE))).toEqual(
      refuse('KEY_NOT_FOUND'),
    );
  });

  it('refuses everything after the user is deleted', () => {
    const change = { ...which, label: 'CI', at };
    expect(given(key, userDeleted()).when((user) => changeKey(user, change, GRANTABLE))).toEqual(
      refuse('USER_DELETED'),
    );
  });
});
