import { describe, expect, it } from '@jest/globals';
import { scopeSchema } from './fields.ts';
import { codeOfScope, scopeOfCode } from './scope-codes.ts';
import { SCOPE_OBJECTS } from './scope-objects.ts';

describe('the codes of scopes', () => {
  it('stay what they are, since stored records hold them', () => {
    expect(['*', 'access_control:read', 'action:write', 'wizard_session:write'].map(codeOfScope)).toEqual([
      1, 2, 7, 217,
    ]);
  });

  it('stand for one scope each, of the form that scopes have', () => {
    const codes = Array.from({ length: 1 + 2 * SCOPE_OBJECTS.length }, (_, index) => index + 1);
    const scopes = codes.map((code) => scopeOfCode(code)!);
    expect(scopes.map(codeOfScope)).toEqual(codes);
    for (const scope of scopes) expect(scopeSchema.safeParse(scope).success).toBe(true);
  });

  it('are not made up for what is not in the table', () => {
    expect([codeOfScope('a:read'), codeOfScope('insight'), scopeOfCode(0), scopeOfCode(218)]).toEqual(
      Array(4).fill(undefined),
    );
  });
});
