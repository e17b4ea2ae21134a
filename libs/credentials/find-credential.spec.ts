import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { scaled } from '#testing/scale';
import { findCredential } from './find-credential.ts';

describe('findCredential, in the header', () => {
  it.each([
    ['Bearer phx_1', 'phx_1'],
    ['Bearer  v1  ', 'v1'],
    ['Bearer\tv1\t', 'v1'],
    ['Bearer  \t v1', 'v1'],
    ['Bearer v ', 'v'],
    ['Bearer a b', 'a b'],
    ['Bearer Bearer x', 'Bearer x'],
    ['Bearer v1,', 'v1,'],
    ['Bearer \u00a0v', '\u00a0v'],
    ['Bearer v\u00a0', 'v\u00a0'],
    ['Bearer v\u200b', 'v\u200b'],
  ])('%j carries %j', (authorization, value) => {
    expect(found({ authorization, body: { personal_api_key: 'other' } })).toEqual({ where: 'header', value });
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer   ',
    // PostHog's expression asks for two characters.
    'Bearer v',
    'bearer v1',
    'BEARER v1',
    'Bearerv1',
    'Bearer:v1',
    'Bearer\u00a0v1',
    'Bearer\u2003v1',
    ' Bearer v1',
    'Basic dXNlcjpwYXNz',
    'Token v1',
    'X Bearer v1',
    'Bearer v1\nv2',
    'Bearer v1\r\nX: y',
    'Bearer \nv1',
  ])('%j carries none, so the body counts', (authorization) => {
    expect(found({ authorization, body: {} })).toBeUndefined();
    expect(found({ authorization, body: { personal_api_key: 'v2' } })).toEqual({ where: 'body', value: 'v2' });
  });

  it('takes the key of the header only, good or bad, when both carry one', () => {
    const both = { authorization: 'Bearer certainly-bad', body: { personal_api_key: 'good' } };
    expect(found(both)).toEqual({ where: 'header', value: 'certainly-bad' });
  });

  it('does what PostHog’s expression and strip do, for whitespace that a header can carry', () => {
    const piece = fc.constantFrom('Bearer', 'bearer', ' ', '\t', 'a', 'b.', '_', 'Basic');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const authorization = pieces.join('');
        const value = /^Bearer\s+(\S.+)$/.exec(authorization)?.[1]?.trim();
        expect(found({ authorization, body: undefined })?.value).toBe(value);
      }),
      { numRuns: scaled(5000) },
    );
  });

  it('takes time in proportion to the header', () => {
    const blanks = 200_000;
    const startMs = performance.now();
    for (const authorization of [
      `Bearer${' '.repeat(blanks)}`,
      `Bearer x${' '.repeat(blanks)}y`,
      `Bearer x${' \t'.repeat(blanks)}\n`,
    ]) {
      found({ authorization, body: undefined });
    }
    // A few milliseconds; a quadratic expression takes tens of seconds.
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });
});

describe('findCredential, in the body', () => {
  it('takes the text as it is, blanks and all', () => {
    expect(found({ authorization: undefined, body: { personal_api_key: ' v ' } })).toEqual({
      where: 'body',
      value: ' v ',
    });
    expect(found({ authorization: undefined, body: { personal_api_key: '' } })).toEqual({ where: 'body', value: '' });
  });

  it.each([null, 7, true, ['v1'], { value: 'v1' }, undefined])('takes %j for a key that is no good', (value) => {
    expect(found({ authorization: undefined, body: { personal_api_key: value } })).toEqual({ where: 'body' });
  });

  it.each([
    undefined,
    null,
    'personal_api_key=v1',
    7,
    [],
    {},
    { Personal_api_key: 'v1' },
    JSON.parse('{"__proto__":{"personal_api_key":"v1"}}') as unknown,
    Object.create({ personal_api_key: 'v1' }) as unknown,
    { body: { personal_api_key: 'v1' } },
  ])('finds none in body %#', (body) => {
    expect(found({ authorization: undefined, body })).toBeUndefined();
  });

  it('finds one in a body without a prototype', () => {
    const body = Object.assign(Object.create(null) as object, { personal_api_key: 'v1' });
    expect(found({ authorization: undefined, body })).toEqual({ where: 'body', value: 'v1' });
  });
});

function found(request: Parameters<typeof findCredential>[0]): { where: string; value?: string } | undefined {
  const credential = findCredential(request);
  if (credential === undefined) return undefined;
  const { where, value } = credential;
  return value === undefined ? { where } : { where, value: value.reveal() };
}
