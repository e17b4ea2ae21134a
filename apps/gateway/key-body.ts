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

export interface NewKeyBody {
  readonly label: string;
  readonly scopes: string[];
  readonly description?: string | null;
}

export type ChangedKeyBody = Partial<NewKeyBody>;

/**
 * The fields that a person may write, with the words of Django REST framework and PostHog for what is wrong with them;
 * the first wrong field is the one that is told. Everything else in the body is left where it is.
 */
export function readNewKey(body: unknown): NewKeyBody {
  const fields = readFields(body);
  if (fields['label'] === undefined) throw required('label');
  if (fields['scopes'] === undefined) {
    readLabel(fields['label']);
    throw required('scopes');
  }
  return { label: readLabel(fields['label']), scopes: readScopes(fields['scopes']), ...readDescription(fields) };
}

/** What is absent stays as it is. */
export function readChangedKey(body: unknown): ChangedKeyBody {
  const fields = readFields(body);
  return {
    ...(fields['label'] === undefined ? {} : { label: readLabel(fields['label']) }),
    ...(fields['scopes'] === undefined ? {} : { scopes: readScopes(fields['scopes']) }),
    ...readDescription(fields),
  };
}

function readFields(body: unknown): Record<string, unknown> {
  if (body === undefined) return {};
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw validationError('invalid', `Invalid data. Expected a dictionary, but got ${typeName(body)}.`);
  }
  return body as Record<string, unknown>;
}

function readLabel(sent: unknown): string {
  const label = readText(sent, 'label');
  if (label === '') throw validationError('blank', 'This field may not be blank.', 'label');
  if (isLongerThan(label, MAX_LABEL_LENGTH)) throw tooLong('label', MAX_LABEL_LENGTH);
  if (!labelSchema.safeParse(label).success) throw badCharacters(label, 'label');
  return label;
}

function readDescription(fields: Record<string, unknown>): { description?: string | null } {
  const sent = fields['description'];
  if (sent === undefined) return {};
  if (sent === null) return { description: null };
  const description = readText(sent, 'description');
  if (description === '') return { description: null };
  if (isLongerThan(description, MAX_DESCRIPTION_LENGTH)) throw tooLong('description', MAX_DESCRIPTION_LENGTH);
  if (!descriptionSchema.safeParse(description).success) throw badCharacters(description, 'description');
  return { description };
}

function readScopes(sent: unknown): string[] {
  if (sent === null) throw validationError('null', 'This field may not be null.', 'scopes');
  if (!Array.isArray(sent)) {
    const detail = `Expected a list of items but got type "${typeName(sent)}".`;
    throw validationError('not_a_list', detail, 'scopes');
  }
  if (sent.length === 0) throw required('scopes');
  if (sent.length > MAX_SCOPES) {
    throw validationError('max_length', `Ensure this field has no more than ${MAX_SCOPES} elements.`, 'scopes');
  }
  return sent.map(readScope);
}

function readScope(sent: unknown): string {
  if (typeof sent !== 'string') throw validationError('invalid', 'Not a valid string.', 'scopes');
  const scope = scopeSchema.safeParse(sent);
  if (!scope.success) throw validationError('invalid_input', `Invalid scope: ${printable(sent)}`, 'scopes');
  return scope.data;
}

/** Django REST framework trims what people type. */
function readText(sent: unknown, attr: string): string {
  if (sent === null) throw validationError('null', 'This field may not be null.', attr);
  if (typeof sent !== 'string') throw validationError('invalid', 'Not a valid string.', attr);
  return sent.trim();
}

function required(attr: string): HttpProblem {
  return validationError('required', 'This field is required.', attr);
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
function typeName(value: unknown): string {
  if (value === null) return 'NoneType';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  return 'dict';
}
