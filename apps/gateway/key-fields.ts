import {
  descriptionSchema,
  isLongerThan,
  labelSchema,
  MAX_DESCRIPTION_LENGTH,
  MAX_LABEL_LENGTH,
  MAX_SCOPE_LENGTH,
  MAX_SCOPES,
  scopeSchema,
} from '#contracts/fields';
import { validationError, type HttpProblem } from './http-problem.ts';

/**
 * Each field of a key as Django REST framework reads it for PostHog, with their words for what is wrong. Whether a
 * well-formed scope may be given to keys is for the command service to say.
 */
export function readLabel(sent: unknown): string {
  const label = readText(sent, 'label');
  if (label === '') throw validationError('blank', 'This field may not be blank.', 'label');
  if (isLongerThan(label, MAX_LABEL_LENGTH)) throw tooLong('label', MAX_LABEL_LENGTH);
  if (!labelSchema.safeParse(label).success) throw badCharacters(label, 'label');
  return label;
}

export function readDescription(sent: unknown): string | null {
  if (sent === null) return null;
  const description = readText(sent, 'description');
  if (description === '') return null;
  if (isLongerThan(description, MAX_DESCRIPTION_LENGTH)) throw tooLong('description', MAX_DESCRIPTION_LENGTH);
  if (!descriptionSchema.safeParse(description).success) throw badCharacters(description, 'description');
  return description;
}

export function readScopes(sent: unknown): string[] {
  const scopes = readList(sent, 'scopes');
  if (scopes.length === 0) throw required('scopes');
  if (scopes.length > MAX_SCOPES) {
    throw validationError('max_length', `Ensure this field has no more than ${MAX_SCOPES} elements.`, 'scopes');
  }
  return scopes.map(readScope);
}

/**
 * PostHog's keys can be confined to teams and organizations, which are unknown here. To ignore that would make a key good
 * for more than was asked for, so a key that is to be confined is refused. The empty list is PostHog's word for "no bounds".
 */
export function assertUnrestricted(fields: Readonly<Record<string, unknown>>): void {
  for (const [attr, what] of [
    ['scoped_teams', 'teams'],
    ['scoped_organizations', 'organizations'],
  ] as const) {
    if (fields[attr] === undefined || readList(fields[attr], attr).length === 0) continue;
    throw validationError('invalid_input', `Keys can not be scoped to ${what} here.`, attr);
  }
}

/** A name for machines: nothing is trimmed. */
function readScope(sent: unknown): string {
  if (typeof sent !== 'string') throw validationError('invalid', 'Not a valid string.', 'scopes');
  const scope = scopeSchema.safeParse(sent);
  if (!scope.success) throw validationError('invalid_input', `Invalid scope: ${printable(sent)}`, 'scopes');
  return scope.data;
}

/** Trims what people type, and takes numbers for texts; those that JavaScript may have rounded are not what was sent. */
function readText(sent: unknown, attr: string): string {
  if (sent === undefined) throw required(attr);
  if (sent === null) throw isNull(attr);
  if (typeof sent === 'number' && Math.abs(sent) <= Number.MAX_SAFE_INTEGER) return String(sent);
  if (typeof sent !== 'string') throw validationError('invalid', 'Not a valid string.', attr);
  return sent.trim();
}

function readList(sent: unknown, attr: string): unknown[] {
  if (sent === undefined) throw required(attr);
  if (sent === null) throw isNull(attr);
  if (Array.isArray(sent)) return sent;
  throw validationError('not_a_list', `Expected a list of items but got type "${typeName(sent)}".`, attr);
}

function required(attr: string): HttpProblem {
  return validationError('required', 'This field is required.', attr);
}

function isNull(attr: string): HttpProblem {
  return validationError('null', 'This field may not be null.', attr);
}

function tooLong(attr: string, max: number): HttpProblem {
  return validationError('max_length', `Ensure this field has no more than ${max} characters.`, attr);
}

function badCharacters(text: string, attr: string): HttpProblem {
  if (text.includes('\0')) {
    return validationError('null_characters_not_allowed', 'Null characters are not allowed.', attr);
  }
  return /\p{Surrogate}/u.test(text)
    ? validationError('surrogate_characters_not_allowed', 'Surrogate characters are not allowed.', attr)
    : validationError('invalid', 'Control characters are not allowed.', attr);
}

/** What was sent, as far as it can go back into a message: visible ASCII, no longer than a scope. */
function printable(text: string): string {
  return text.replace(/[^\x21-\x7e]/g, '?').slice(0, MAX_SCOPE_LENGTH);
}

/** The names that Django REST framework's messages use. */
export function typeName(value: unknown): string {
  if (value === null) return 'NoneType';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  return 'dict';
}
