import { describe, expect, it } from '@jest/globals';
import {
  created,
  hashNo,
  keyDeleted,
  legacyHashNo,
  relabelled,
  rolled,
  scopesChanged,
  userDeleted,
} from '#testing/given-keys';
import { projectKey } from './project-key.ts';

const owner = { userId: 'ann', keyId: 'key-1' };
const set = 'pbkdf2_sha256$260000$posthog_personal_api_key';

describe('projectKey', () => {
  it('puts the entry of a created key', () => {
    expect(projectKey(created())).toEqual([{ put: hashNo(1), entry: { ...owner, scopes: ['insight:read'] } }]);
  });

  it('counts an imported legacy key', () => {
    expect(projectKey(created({ hash: legacyHashNo(7) }))).toEqual([
      { put: legacyHashNo(7), entry: { ...owner, scopes: ['insight:read'] }, legacy: set },
    ]);
  });

  it('removes the old entry of a rolled key, then puts the new one', () => {
    expect(projectKey(rolled())).toEqual([
      { remove: hashNo(1), owner },
      { put: hashNo(2), entry: { ...owner, scopes: ['insight:read'] } },
    ]);
  });

  it('counts a legacy key no longer once it is rolled', () => {
    expect(projectKey(rolled({ oldHash: legacyHashNo(7, 390_000) }))).toEqual([
      { remove: legacyHashNo(7, 390_000), owner, legacy: 'pbkdf2_sha256$390000$posthog_personal_api_key' },
      { put: hashNo(2), entry: { ...owner, scopes: ['insight:read'] } },
    ]);
  });

  it('replaces the entry of a key whose scopes changed', () => {
    expect(projectKey(scopesChanged())).toEqual([
      { replace: hashNo(1), entry: { ...owner, scopes: ['insight:write'] } },
    ]);
  });

  it('removes the entry of a deleted key', () => {
    expect(projectKey(keyDeleted())).toEqual([{ remove: hashNo(1), owner }]);
    expect(projectKey(keyDeleted({ hash: legacyHashNo(7) }))).toEqual([
      { remove: legacyHashNo(7), owner, legacy: set },
    ]);
  });

  it('leaves the lookup alone for what touches no hash', () => {
    expect(projectKey(relabelled())).toEqual([]);
    expect(projectKey(userDeleted())).toEqual([]);
  });
});
