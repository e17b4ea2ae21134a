import { describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { DEFAULT_SCOPE_CATALOGUE, readScopeCatalogue, scopesFile } from './scope-catalogue.ts';
import { scopeSchema } from './fields.ts';
import { SCOPE_OBJECTS } from './scope-objects.ts';

const read = (text: string) => readScopeCatalogue(Buffer.from(text, 'utf8'));
const readScopes = (...scopes: unknown[]) => read(JSON.stringify({ scopes }));

describe('the scope catalogue', () => {
  it('is PostHog’s by default: each public object to read and to write, and everything', () => {
    expect(DEFAULT_SCOPE_CATALOGUE.size).toBe(2 * SCOPE_OBJECTS.length + 1);
    for (const scope of ['*', 'insight:read', 'feature_flag:write']) {
      expect(DEFAULT_SCOPE_CATALOGUE.has(scope)).toBe(true);
    }
    for (const scope of DEFAULT_SCOPE_CATALOGUE) expect(scopeSchema.parse(scope)).toBe(scope);
  });

  it('is what a file names, and nothing besides', () => {
    expect(readScopes('invoice:read', 'report:write')).toEqual(new Set(['invoice:read', 'report:write']));
    expect(read('\ufeff{\n  "scopes": ["*"]\n}\n')).toEqual(new Set(['*']));
  });

  it.each([
    ['nothing', '', /^must be JSON: Unexpected end/],
    ['a comma too many', '{"scopes": ["*",]}', /^must be JSON: Unexpected token/],
    ['a comma too few', '{"scopes": [\n "a:read",\n "b:read"\n "c:read"]}', /^must be JSON: .*, in line 4$/],
    ['a list alone', '["*"]', 'must be {"scopes": [...]} and nothing else'],
    ['another name', '{"scope": ["*"]}', 'must be {"scopes": [...]} and nothing else'],
    ['a name more', '{"scopes": ["*"], "objects": []}', 'must be {"scopes": [...]} and nothing else'],
    ['a text', '{"scopes": "*"}', 'must be {"scopes": [...]} and nothing else'],
    ['no scope', '{"scopes": []}', 'must name a scope at least: no key could be made'],
  ])('is not %s', (_, text, problem) => {
    expect(read(text)).toEqual(typeof problem === 'string' ? problem : expect.stringMatching(problem));
  });

  it('is not in another encoding', () => {
    expect(readScopeCatalogue(Buffer.from('{"scopes": ["*"]}', 'utf16le'))).toMatch(/^must be JSON/);
    expect(readScopeCatalogue(Buffer.from('{"scopes": ["caf\xe9:read"]}', 'latin1'))).toBe('must be JSON in UTF-8');
  });

  it.each([
    'invoice',
    'invoice:admin',
    'Invoice:read',
    ' invoice:read',
    '**',
    '*:read',
    '',
    `${'x'.repeat(60)}:read`,
    7,
    null,
    ['*'],
    '\u001b[31m:read',
  ])('names what is wrong, and where: %j', (scope) => {
    const problem = readScopes('*', scope);
    expect(problem).toMatch(/^scope 2, .{1,70}, must be object:read, object:write or \*, with at most 64 characters$/);
    expect(problem).toMatch(/^[\x20-\x7e]+$/);
  });

  it('has each scope once, and tells of all that is wrong at once', () => {
    expect(readScopes('a:read', 'b', 'a:read')).toBe(
      'scope 2, "b", must be object:read, object:write or *, with at most 64 characters; ' +
        'scope 3, "a:read", must not repeat scope 1',
    );
    expect(readScopes(...Array<string>(9).fill('a'))).toMatch(/^scope 1, .*; scope 5, .*; and 4 more$/);
  });
});

describe('SCOPES_FILE', () => {
  const settings = z.object({ SCOPES_FILE: scopesFile });
  const issuesOf = (path: unknown) =>
    settings.safeParse({ SCOPES_FILE: path }).error?.issues.map(({ message, path }) => [path[0], message]);

  it('is PostHog’s catalogue where it is unset', () => {
    expect(settings.parse({}).SCOPES_FILE).toBe(DEFAULT_SCOPE_CATALOGUE);
  });

  it('is a file, or the start is refused', () => {
    const folder = mkdtempSync(join(tmpdir(), 'scopes-'));
    const file = join(folder, 'scopes.json');
    try {
      expect(issuesOf(file)).toEqual([['SCOPES_FILE', 'must be a file that can be read (ENOENT)']]);
      expect(issuesOf(folder)).toEqual([['SCOPES_FILE', 'must be a file that can be read (EISDIR)']]);
      writeFileSync(file, '{"scopes": ["invoice"]}');
      expect(issuesOf(file)).toEqual([['SCOPES_FILE', expect.stringMatching(/^scope 1, "invoice", must be /)]]);
      writeFileSync(file, '{"scopes": ["invoice:read"]}');
      expect(settings.parse({ SCOPES_FILE: file }).SCOPES_FILE).toEqual(new Set(['invoice:read']));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
