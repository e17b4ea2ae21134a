import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { scaled } from '#testing/scale';
import { positionSchema } from './position.ts';
import { isBareHash, isCommonVerdict, verdict, verifyItem, verifyReply } from './verification.ts';

const HASH = `sha256$${'0a'.repeat(32)}`;
const LEGACY_HASH = `pbkdf2_sha256$260000$posthog_personal_api_key$${'A'.repeat(43)}=`;
const GOOD = { valid: true, keyId: 'k-1', userId: 'alice', scopes: ['a:read'], position: '17' };
const UNKNOWN = { valid: false, code: 'NOT_FOUND', position: '17' };

/** Verdicts with fields that are missing, of another kind, or nobody's. */
const nearVerdicts = fc
  .tuple(
    fc.constantFrom(GOOD, UNKNOWN),
    fc.dictionary(
      fc.constantFrom(
        'valid',
        'keyId',
        'userId',
        'scopes',
        'position',
        'code',
        'missing',
        'legacy',
        'more',
        '__proto__',
      ),
      fc.oneof(
        fc.constantFrom<unknown>(
          true,
          false,
          'NOT_FOUND',
          'STALE',
          '0',
          '017',
          '9223372036854775806',
          null,
          undefined,
          1,
        ),
        fc.array(fc.oneof(fc.string(), fc.constant(1))),
        fc.string(),
      ),
      { maxKeys: 2, noNullPrototype: true },
    ),
    fc.subarray(['valid', 'keyId', 'userId', 'scopes', 'position', 'code']),
    fc.boolean(),
  )
  .map(([base, changes, left, isWhole]) => {
    const changed: Record<string, unknown> = { ...base, ...changes };
    return isWhole ? changed : Object.fromEntries(Object.entries(changed).filter(([name]) => left.includes(name)));
  });

describe('a verdict that is known without its schema', () => {
  it.each([GOOD, { ...GOOD, scopes: [] }, UNKNOWN, { ...UNKNOWN, position: '0' }])('may be %j', (reply) => {
    expect(isCommonVerdict(reply)).toBe(true);
  });

  it('is one that the schema gives back as it is', () => {
    let common = 0;
    fc.assert(
      fc.property(nearVerdicts, (reply) => {
        if (!isCommonVerdict(reply)) return;
        common += 1;
        expect(verdict.parse(reply)).toStrictEqual(reply);
        expect(verifyReply.parse(reply)).toStrictEqual(reply);
      }),
      { numRuns: scaled(10_000) },
    );
    expect(common).toBeGreaterThan(0);
  });

  it.each([
    ['a list of results', { results: [GOOD] }],
    ['an unknown field', { ...GOOD, more: 1 }],
    ['an unknown field on the way in', JSON.parse('{"valid":false,"code":"NOT_FOUND","position":"1","__proto__":1}')],
    ['no verdict', null],
    ['a position that is none', { ...UNKNOWN, position: '-1' }],
    ['a scope that is no text', { ...GOOD, scopes: [1] }],
  ])('is not %s', (_, reply: unknown) => {
    expect(isCommonVerdict(reply)).toBe(false);
  });
});

describe('an item that is known without its schema', () => {
  it.each([HASH, LEGACY_HASH])('is a bare hash: %s', (hash) => {
    expect(isBareHash({ hash })).toBe(true);
    expect(verifyItem.parse({ hash })).toStrictEqual({ hash });
  });

  it.each([
    ['nothing', undefined],
    ['a text', HASH],
    ['an item with scopes', { hash: HASH, scopes: ['a:read'] }],
    ['a hash of another format', { hash: `sha256$${'0A'.repeat(32)}` }],
    ['a hash and a line', { hash: `${HASH}\n` }],
    ['no text', { hash: [HASH] }],
  ])('is not %s', (_, item) => {
    expect(isBareHash(item)).toBe(false);
  });
});

describe('a position', () => {
  it.each(['0', '1', '999999999999999999', '1000000000000000000', '9223372036854775806'])('may be %s', (text) => {
    expect(positionSchema.parse(text)).toBe(text);
  });

  it.each(['', '-1', '00', '01', '1 ', '9223372036854775807', '9999999999999999999', '18446744073709551615', '1e3'])(
    'is not %j',
    (text) => {
      expect(positionSchema.safeParse(text).success).toBe(false);
    },
  );
});
