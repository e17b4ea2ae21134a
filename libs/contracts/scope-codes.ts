import { SCOPE_OBJECTS } from './scope-objects.ts';

/**
 * A fixed table of scopes, so that records which hold many of them stay small and never depend on what was stored before.
 * Append only: 1 is `*`, then two codes for each object in its order. 0 is none's, for those who keep other scopes as text.
 */
const SCOPES = ['*', ...SCOPE_OBJECTS.flatMap((object) => [`${object}:read`, `${object}:write`])] as const;
const CODES: ReadonlyMap<string, number> = new Map(SCOPES.map((scope, index) => [scope, index + 1]));

/** From 1; undefined: not in the table. */
export function codeOfScope(scope: string): number | undefined {
  return CODES.get(scope);
}

/** Undefined: a newer version's. */
export function scopeOfCode(code: number): string | undefined {
  return SCOPES[code - 1];
}
