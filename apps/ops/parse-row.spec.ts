import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parseRow, type RowRules } from './parse-row.ts';

const DIGEST = 'eeRy21dbVoEzYND0NVLfjXxgNeO67SeBRrwQr6bbhK4=';
const ROW = {
  user_id: 7,
  id: 'PLtGqXkq',
  label: 'Before 2024',
  created_at: '2023-05-06T07:08:09.123456+02:00',
  mask_value: null,
  scopes: ['insight:read', '*'],
  secure_value: `pbkdf2_sha256$260000$posthog_personal_api_key$${DIGEST}`,
};
const RULES: RowRules = { allowTestIterations: false };

const parse = (row: object, rules = RULES) => parseRow(JSON.stringify(row), rules);
const legacy = (iterations: number | string) => `pbkdf2_sha256$${iterations}$posthog_personal_api_key$${DIGEST}`;

describe('a row of PostHog’s', () => {
  it('is read with its user’s number as text and its time in UTC', () => {
    expect(parse(ROW)).toEqual({
      userId: '7',
      keyId: 'PLtGqXkq',
      label: 'Before 2024',
      scopes: ['insight:read', '*'],
      hash: ROW.secure_value,
      mask: null,
      createdAt: '2023-05-06T05:08:09.123Z',
    });
  });

  it.each([
    ['a text as the user', { user_id: '0190-ann' }],
    ['a mask', { mask_value: 'phx_...wXyZ' }],
    ['the mask of a short value', { mask_value: '********' }],
    ['a modern hash', { secure_value: `sha256$${'0a'.repeat(32)}` }],
    ['the other count of iterations', { secure_value: legacy(390_000) }],
    ['a time in UTC', { created_at: '2023-05-06T07:08:09Z' }],
    ['the first time that can be said', { created_at: '0000-01-01T00:00:00Z' }],
    ['the last time that can be said', { created_at: '9999-12-31T23:59:59.999Z' }],
    ['fields that are not taken over', { last_used_at: null, value: null, team_id: 3, __proto__: { id: 'other' } }],
    ['no restriction to teams', { scoped_teams: [], scoped_organizations: null }],
  ])('is taken with %s', (_, fields) => {
    expect(parse({ ...ROW, ...fields })).toHaveProperty('keyId', 'PLtGqXkq');
  });

  it.each([
    ['no user', { user_id: undefined }, 'user_id is missing'],
    ['null as the user', { user_id: null }, 'user_id is null'],
    ['half a user', { user_id: 1.5 }, /^user_id must be a whole number/],
    ['a negative user', { user_id: -1 }, /^user_id must be a whole number/],
    ['a number that JSON may have changed', { user_id: 2 ** 53 }, /^user_id must be a whole number/],
    ['an empty user', { user_id: '' }, /^user_id /],
    ['a NUL in the user', { user_id: 'a\0' }, 'user_id must not contain control characters'],
    ['no id', { id: undefined }, 'id is missing'],
    ['a blank label', { label: '  ' }, 'label must not be blank'],
    ['a label of 41 characters', { label: 'x'.repeat(41) }, 'label must be at most 40 characters'],
    ['no time', { created_at: null }, 'created_at is null'],
    ['a time without an offset', { created_at: '2023-05-06T07:08:09' }, /^created_at must be a time/],
    ['a day that is not on the calendar', { created_at: '2023-02-30T07:08:09Z' }, /^created_at must be a time/],
    [
      'a time after the year 9999 in UTC',
      { created_at: '9999-12-31T23:59:59-01:00' },
      /^created_at must be in the years/,
    ],
    [
      'a time before the year 0 in UTC',
      { created_at: '0000-01-01T00:00:00+01:00' },
      /^created_at must be in the years/,
    ],
    ['a mask that shows too much', { mask_value: 'phx_12345678' }, /^mask_value must be a mask/],
    ['null scopes', { scopes: null }, 'scopes is null'],
    ['no scopes', { scopes: [] }, /^scopes /],
    ['a scope that is none', { scopes: ['insight'] }, 'scopes must be object:read, object:write or *'],
    ['no hash', { secure_value: null }, 'secure_value is null'],
    ['a plain value', { secure_value: 'phx_secret' }, 'secure_value is in neither of the two formats of a hash'],
    ['capitals in a hash', { secure_value: `sha256$${'0A'.repeat(32)}` }, /^secure_value is in neither/],
    ['another salt', { secure_value: `pbkdf2_sha256$260000$salt$${DIGEST}` }, 'secure_value has another salt'],
    ['a forged count', { secure_value: legacy(1_000_000_000) }, 'secure_value has another count of iterations'],
    ['a count with a zero before it', { secure_value: legacy('0260000') }, /another count of iterations/],
    ['the test data’s count', { secure_value: legacy(1) }, 'secure_value has another count of iterations'],
    ['31 bytes', { secure_value: legacy(260_000).slice(0, -4) }, 'secure_value has no 32 bytes in base64'],
    ['bytes spelt otherwise', { secure_value: legacy(260_000).replace('4=', '5=') }, /no 32 bytes in base64/],
    ['a restriction to teams', { scoped_teams: [3] }, 'scoped_teams restricts the key, which would be lost'],
    ['a restriction to organizations', { scoped_organizations: ['a'] }, /^scoped_organizations restricts the key/],
  ])('is refused with %s', (_, fields, reason) => {
    expect(parse({ ...ROW, ...fields })).toEqual({
      outcome: 'refused',
      code: 'INVALID_ROW',
      reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
    });
  });

  it('takes a single iteration where test data are allowed', () => {
    const row = { ...ROW, secure_value: legacy(1) };
    expect(parse(row, { allowTestIterations: true })).toHaveProperty('hash', legacy(1));
  });

  it.each(['', '{', 'null', '7', '"text"', '[]', '{"user_id":'])('is refused when it is %j', (text) => {
    expect(parseRow(text, RULES)).toMatchObject({ code: 'INVALID_ROW', reason: 'is no JSON object' });
  });

  it('is refused without a word of what may be a secret, whichever field holds that', () => {
    const secret = 'phx_s3cretOfSomebody';
    const field = fc.constantFrom(...Object.keys(ROW), 'scoped_teams', 'scoped_organizations');
    const value = fc.constantFrom<unknown>(secret, [secret], { [secret]: secret }, [[secret]], `${legacy(5)}${secret}`);
    fc.assert(
      fc.property(fc.dictionary(field, value), fc.boolean(), (fields, isCut) => {
        const text = JSON.stringify({ ...ROW, ...fields });
        const parsed = parseRow(isCut ? text.slice(0, -1) : text, RULES);
        if ('outcome' in parsed) expect(parsed.reason).not.toContain('s3cret');
      }),
    );
  });
});
