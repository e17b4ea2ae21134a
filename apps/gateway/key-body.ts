import { validationError } from './http-problem.ts';
import { assertUnrestricted, readDescription, readLabel, readScopes, typeName } from './key-fields.ts';

export interface NewKeyBody {
  readonly label: string;
  readonly scopes: string[];
  readonly description?: string | null;
}

export type ChangedKeyBody = Partial<NewKeyBody>;

/** The fields that a person may write; the first wrong one is told. Everything else in the body is left where it is. */
export function readNewKey(body: unknown): NewKeyBody {
  const fields = readFields(body);
  const label = readLabel(fields['label']);
  const scopes = readScopes(fields['scopes']);
  assertUnrestricted(fields);
  return { label, scopes, ...given(fields, 'description', readDescription) };
}

/** What is absent stays as it is. */
export function readChangedKey(body: unknown): ChangedKeyBody {
  const fields = readFields(body);
  const changed = { ...given(fields, 'label', readLabel), ...given(fields, 'scopes', readScopes) };
  assertUnrestricted(fields);
  return { ...changed, ...given(fields, 'description', readDescription) };
}

function readFields(body: unknown): Record<string, unknown> {
  if (body === undefined) return {};
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw validationError('invalid', `Invalid data. Expected a dictionary, but got ${typeName(body)}.`);
  }
  return body as Record<string, unknown>;
}

function given<Name extends string, T>(
  fields: Record<string, unknown>,
  name: Name,
  read: (sent: unknown) => T,
): Partial<Record<Name, T>> {
  return fields[name] === undefined ? {} : ({ [name]: read(fields[name]) } as Record<Name, T>);
}
