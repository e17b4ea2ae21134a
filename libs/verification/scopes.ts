/** The scopes asked for that are not granted: `object:write` implies `object:read`, `*` is everything, none is none. */
export function missingScopes(granted: readonly string[], asked: readonly string[]): string[] {
  if (granted.includes('*')) return [];
  return asked.filter((scope) => !granted.includes(scope) && !isImplied(granted, scope));
}

function isImplied(granted: readonly string[], scope: string): boolean {
  return scope.endsWith(':read') && granted.includes(`${scope.slice(0, -':read'.length)}:write`);
}
