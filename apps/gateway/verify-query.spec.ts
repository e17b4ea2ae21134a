import { describe, expect, it } from '@jest/globals';
import { readVerifyQuery } from './verify-query.ts';

describe('what a proxy asks for', () => {
  it('is scopes and a position, or neither', () => {
    expect(readVerifyQuery({})).toEqual({});
    expect(readVerifyQuery({ scopes: 'a:read,b:write', minPosition: '123' })).toEqual({
      scopes: ['a:read', 'b:write'],
      minPosition: '123',
    });
  });

  it.each([
    ['misspelt', { scope: 'a:read' }],
    ['empty', { scopes: '' }],
    ['half empty', { scopes: 'a:read,' }],
    ['repeated', { scopes: ['a:read', 'b:read'] }],
    ['no scope', { scopes: 'admin' }],
    ['separated by blanks', { scopes: 'a:read b:read' }],
    ['too many', { scopes: Array(257).fill('a:read').join(',') }],
    ['an empty position', { minPosition: '' }],
    ['a negative position', { minPosition: '-1' }],
    ['the end of the log', { minPosition: '18446744073709551615' }],
  ])('is refused when it is %s', (_, query) => {
    expect(readVerifyQuery(query)).toMatchObject({ status: 400 });
  });
});
