import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { MAX_SCOPE_LENGTH, scopeSchema } from './fields.ts';
import { SCOPE_OBJECTS } from './scope-objects.ts';

/** The scopes that may be given to keys from now on. What a key was given before, it keeps. */
export type ScopeCatalogue = ReadonlySet<string>;

/** PostHog's: each public object to read and to write, and everything. */
export const DEFAULT_SCOPE_CATALOGUE: ScopeCatalogue = new Set([
  '*',
  ...SCOPE_OBJECTS.flatMap((object) => [`${object}:read`, `${object}:write`]),
]);

/** The setting SCOPES_FILE: the path of a file as `readScopeCatalogue` has it; unset, PostHog's scopes. */
export const scopesFile = z
  .string('must be the path of a file')
  .optional()
  .transform((path, context): ScopeCatalogue => {
    if (path === undefined) return DEFAULT_SCOPE_CATALOGUE;
    const catalogue = readFile(path);
    if (typeof catalogue !== 'string') return catalogue;
    context.addIssue({ code: 'custom', message: catalogue });
    return z.NEVER;
  });

/**
 * `{"scopes": ["invoice:read", "invoice:write", "*"]}`: every scope by its name, since nothing is implied. Anything else
 * is refused, so that a slip of the pen gives nobody a scope, or none, by surprise.
 * @returns a text that says what is wrong and where, in the words of settings: "must …"
 */
export function readScopeCatalogue(bytes: Uint8Array): ScopeCatalogue | string {
  const text = decode(bytes);
  if (text === undefined) return 'must be JSON in UTF-8';
  let json: unknown;
  try {
    json = JSON.parse(text) as unknown;
  } catch (error) {
    return `must be JSON: ${(error as SyntaxError).message}${lineOf(error as SyntaxError, text)}`;
  }
  const file = fileSchema.safeParse(json);
  if (!file.success) return 'must be {"scopes": [...]} and nothing else';
  const { scopes } = file.data;
  if (scopes.length === 0) return 'must name a scope at least: no key could be made';
  const problems = scopes.flatMap((scope, index) => problemOf(scope, index, scopes));
  if (problems.length === 0) return new Set(scopes as string[]);
  const more = problems.length - SHOWN_PROBLEMS;
  return [...problems.slice(0, SHOWN_PROBLEMS), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

const SHOWN_PROBLEMS = 5;
const fileSchema = z.strictObject({ scopes: z.array(z.unknown()) });

function readFile(path: string): ScopeCatalogue | string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    return `must be a file that can be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
  }
  return readScopeCatalogue(bytes);
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function problemOf(scope: unknown, index: number, all: readonly unknown[]): string[] {
  const entry = `scope ${index + 1}, ${quoted(scope)},`;
  if (!scopeSchema.safeParse(scope).success) {
    return [`${entry} must be object:read, object:write or *, with at most ${MAX_SCOPE_LENGTH} characters`];
  }
  const first = all.indexOf(scope);
  return first < index ? [`${entry} must not repeat scope ${first + 1}`] : [];
}

/** As the file has it, as far as a terminal should show it. */
function quoted(scope: unknown): string {
  const text = JSON.stringify(scope).replace(/[^\x20-\x7e]/g, '?');
  return text.length > MAX_SCOPE_LENGTH ? `${text.slice(0, MAX_SCOPE_LENGTH)}...` : text;
}

/** Some of the engine's messages name a position, the others quote what is around it. */
function lineOf({ message }: SyntaxError, text: string): string {
  const position = / at position (\d+)/.exec(message)?.[1];
  return position === undefined ? '' : `, in line ${text.slice(0, Number(position)).split('\n').length}`;
}
