import { describe, expect, it } from '@jest/globals';
import { refusal } from './codes.ts';
import { joinVerifications } from './join-verifications.ts';

describe('an answer to joined verifications as a whole', () => {
  it.each([
    ['a verdict that nothing is known', { valid: false, code: 'UNAVAILABLE' }],
    ['a refusal', refusal('INVALID_REQUEST', 'not like that')],
  ])('may be given to each when it is %s', (_, reply) => {
    expect(joinVerifications.isForEach(reply)).toBe(true);
  });

  it.each([
    ['a good key', { valid: true, keyId: 'k', userId: 'u', scopes: [], position: '1' }],
    ['a verdict on a key', { valid: false, code: 'NOT_FOUND', position: '1' }],
    ['a good key with a code', { valid: true, ok: false, code: 'NOT_FOUND' }],
    ['a verdict without a code', { valid: false }],
    ['a success', { ok: true, code: 'NOT_FOUND' }],
    ['too few results', { results: [{ valid: true }] }],
    ['text', 'valid'],
    ['nothing', null],
  ])('may not when it is %s', (_, reply) => {
    expect(joinVerifications.split(reply, 2)).toBeUndefined();
    expect(joinVerifications.isForEach(reply)).toBe(false);
  });
});
