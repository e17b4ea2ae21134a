import { describe, expect, it } from '@jest/globals';
import { missingScopes } from './scopes.ts';

describe('missing scopes', () => {
  it.each([
    { granted: ['a:read'], asked: ['a:read'], missing: [] },
    { granted: ['a:write'], asked: ['a:read', 'a:write'], missing: [] },
    { granted: ['a:read'], asked: ['a:write', 'a:read', 'b:read'], missing: ['a:write', 'b:read'] },
    { granted: ['*'], asked: ['a:write', 'b:read', '*'], missing: [] },
    { granted: ['a:write'], asked: ['*'], missing: ['*'] },
    { granted: [], asked: ['a:read'], missing: ['a:read'] },
    { granted: [], asked: [], missing: [] },
    { granted: ['ab:write'], asked: ['b:read', 'a:read'], missing: ['b:read', 'a:read'] },
  ])('of $asked for a key with $granted: $missing', ({ granted, asked, missing }) => {
    expect(missingScopes(granted, asked)).toEqual(missing);
  });
});
