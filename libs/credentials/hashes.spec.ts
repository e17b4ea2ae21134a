import { describe, expect, it } from '@jest/globals';
import { LEGACY_HASH, LEGACY_ITERATIONS, MODERN_HASH } from '#contracts/hash-formats';
import { legacyParameterSet as setOfHash } from '#keys/legacy-parameter-set';
import { sha256Hash } from './hash.ts';
import { legacyHash, legacyIterations, legacyParameterSet } from './legacy-hash.ts';
import { LegacyHasher } from './legacy-hasher.ts';
import { maskOf } from './mask.ts';
import { Secret } from './secret.ts';

const value = new Secret('test_key_12345');
const SET = 'pbkdf2_sha256$260000$posthog_personal_api_key';

describe('hashes in PostHog’s formats', () => {
  it('hashes a value as PostHog does today', () => {
    expect(sha256Hash(value)).toBe('sha256$45af89b510a3279a817f851de5d3f95b73485d58ec2672a39e52d8aeeb014059');
    expect(sha256Hash(value)).toMatch(MODERN_HASH);
  });

  it('hashes the UTF-8 of a value', () => {
    expect(sha256Hash(new Secret('é'))).toBe('sha256$4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c');
  });

  it('hashes a value as PostHog did before February 2024', async () => {
    const hashing = await new LegacyHasher().hash(value, SET);
    expect(hashing).toEqual({ outcome: 'hashed', hash: `${SET}$eeRy21dbVoEzYND0NVLfjXxgNeO67SeBRrwQr6bbhK4=` });
  });

  it.each(LEGACY_ITERATIONS)(
    'writes a legacy hash of %i iterations that the contracts and the rules understand',
    (n) => {
      const hash = legacyHash(legacyParameterSet(n), new Uint8Array(32).fill(255));
      expect(hash).toMatch(LEGACY_HASH);
      expect(setOfHash(hash)).toBe(legacyParameterSet(n));
      expect(legacyIterations(legacyParameterSet(n), { allowTestIterations: true })).toBe(n);
    },
  );

  it('has no parameter set for a modern hash', () => {
    expect(setOfHash(sha256Hash(value))).toBeUndefined();
  });

  it.each([
    legacyParameterSet(1),
    legacyParameterSet(1_000_000_000),
    legacyParameterSet(26_000),
    'pbkdf2_sha256$260000$another_salt',
    `${SET}$`,
    `${SET}\n`,
    ` ${SET}`,
    'pbkdf2_sha1$260000$posthog_personal_api_key',
    'pbkdf2_sha256$0260000$posthog_personal_api_key',
    'pbkdf2_sha256$2.6e5$posthog_personal_api_key',
    '',
  ])('knows no iterations of the parameter set %p', (set) => {
    expect(legacyIterations(set, { allowTestIterations: false })).toBeUndefined();
  });
});

describe('maskOf', () => {
  it('keeps the first four characters and the last four', () => {
    expect(maskOf(new Secret('lkp_abcdefghijklmnop'))).toBe('lkp_...mnop');
  });

  it('makes no mask of a value that it would give away', () => {
    expect(() => maskOf(new Secret('lkp_abcdefghijk'))).toThrow(RangeError);
  });
});
