import { z } from 'zod';
import { keyIdSchema, labelSchema, maskSchema, scopesSchema, userIdSchema } from '#contracts/fields';
import { LEGACY_SALT, MODERN_HASH } from '#contracts/hash-formats';
import { legacyIterations } from '#credentials/legacy-hash';
import { type ForeignKey } from '#keys/import-key';
import { refusedRow, type RefusedRow } from './row-outcome.ts';

export interface RowRules {
  /** Also take hashes of a single iteration, as test data have. */
  readonly allowTestIterations: boolean;
}

/** What PostHog shows in place of a value that is too short to be shown in part. */
const WHOLLY_MASKED = '********';
const FOUR_DIGIT_YEAR = /^\d{4}-/;
const LEGACY = /^pbkdf2_sha256\$([0-9]+)\$([^$]*)\$([^$]*)$/;

/** Django's ids of users are numbers. Beyond 2^53 a number in JSON may have become another. */
const userId = z.union([z.int().nonnegative().transform(String), userIdSchema], {
  error: 'must be a whole number from 0 to 2^53 - 1, or a text of 1 to 128 characters without control characters',
});
const unrestricted = z.array(z.unknown()).max(0, 'restricts the key, which would be lost').nullish();

/** The fields of PostHog's table that are taken over; others are ignored. */
const rowSchema = z.object({
  user_id: userId,
  id: keyIdSchema,
  label: labelSchema,
  created_at: z.iso
    .datetime({ offset: true, error: 'must be a time as in ISO 8601, with Z or an offset' })
    .transform((time) => new Date(time).toISOString())
    // The offset may lead out of them, to a spelling that nothing here reads.
    .refine((time) => FOUR_DIGIT_YEAR.test(time), 'must be in the years 0000 to 9999 in UTC'),
  mask_value: z
    .union([maskSchema, z.literal(WHOLLY_MASKED)], { error: 'must be a mask like phx_...wXyZ, or null' })
    .nullable(),
  scopes: scopesSchema,
  secure_value: z.string(),
  scoped_teams: unrestricted,
  scoped_organizations: unrestricted,
});

/** One row of PostHog's table of personal API keys, as a JSON object. */
export function parseRow(text: string, rules: RowRules): ForeignKey | RefusedRow {
  const row = objectIn(text);
  if (row === undefined) return invalid('is no JSON object');
  const parsed = rowSchema.safeParse(row);
  if (!parsed.success) return invalid(reasonOf(parsed.error, row));
  const { user_id, id, label, created_at, mask_value, scopes, secure_value } = parsed.data;
  const badHash = problemOfHash(secure_value, rules);
  if (badHash !== undefined) return invalid(`secure_value ${badHash}`);
  return { userId: user_id, keyId: id, label, scopes, hash: secure_value, mask: mask_value, createdAt: created_at };
}

/** JSON's own message would quote what it could not read. */
function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

function reasonOf({ issues }: z.ZodError, row: Readonly<Record<string, unknown>>): string {
  const [issue] = issues;
  const field = String(issue?.path[0] ?? 'row');
  if (!Object.hasOwn(row, field)) return `${field} is missing`;
  if (row[field] === null) return `${field} is null`;
  return `${field} ${issue?.message ?? 'is not valid'}`;
}

function problemOfHash(hash: string, { allowTestIterations }: RowRules): string | undefined {
  if (MODERN_HASH.test(hash)) return undefined;
  const [, iterations, salt, digest = ''] = LEGACY.exec(hash) ?? [];
  if (iterations === undefined) return 'is in neither of the two formats of a hash';
  if (salt !== LEGACY_SALT) return 'has another salt';
  const parameterSet = hash.slice(0, hash.lastIndexOf('$'));
  if (legacyIterations(parameterSet, { allowTestIterations }) === undefined) return 'has another count of iterations';
  // Any other spelling of the same bytes would be a hash that no value ever leads to.
  const bytes = Buffer.from(digest, 'base64');
  return bytes.length === 32 && bytes.toString('base64') === digest ? undefined : 'has no 32 bytes in base64';
}

function invalid(reason: string): RefusedRow {
  return refusedRow('INVALID_ROW', reason);
}
