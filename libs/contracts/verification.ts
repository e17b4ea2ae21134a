import { z } from 'zod';
import { VERIFICATION_CODES } from './codes.ts';
import { MAX_SCOPES, scopeSchema, verifiableHashSchema } from './fields.ts';
import { LEGACY_PARAMETER_SET, VERIFIABLE_HASH } from './hash-formats.ts';
import { isShortPosition, positionSchema } from './position.ts';

const MAX_VERIFY_ITEMS = 512;

/**
 * "Is the key with this hash good for these scopes, at or after this position?" Without a hash: "has every shard of the
 * lookup reached this position?", answered NOT_FOUND (yes) or STALE (not yet).
 */
export const verifyItem = z
  .object({
    hash: verifiableHashSchema.optional(),
    scopes: z.array(scopeSchema).max(MAX_SCOPES).optional(),
    minPosition: positionSchema.optional(),
  })
  .refine((item) => item.hash !== undefined || item.minPosition !== undefined, {
    message: 'hash or minPosition is required',
    path: ['hash'],
  });
export type VerifyItem = z.infer<typeof verifyItem>;

/** The commonest item, a hash alone, known without the schema's cost. It says the same of what is accepted here. */
export function isBareHash(item: unknown): item is { readonly hash: string } {
  if (typeof item !== 'object' || item === null || !('hash' in item)) return false;
  const { hash } = item;
  return typeof hash === 'string' && hash.length <= 128 && VERIFIABLE_HASH.test(hash) && countFields(item) === 1;
}

/** Items are validated one by one where they are answered, so that one bad item is refused alone. */
export const verifyRequest = z.union([
  z.object({ items: z.array(z.unknown()).min(1).max(MAX_VERIFY_ITEMS) }),
  verifyItem,
]);
export type VerifyRequest = z.infer<typeof verifyRequest>;

export const verdict = z.discriminatedUnion('valid', [
  z.object({
    valid: z.literal(true),
    keyId: z.string(),
    userId: z.string(),
    scopes: z.array(z.string()),
    position: positionSchema,
  }),
  z.object({
    valid: z.literal(false),
    code: z.enum(VERIFICATION_CODES),
    /** The position that the verdict is true at; absent where there is no verdict. */
    position: positionSchema.optional(),
    /** INSUFFICIENT_SCOPE: the scopes asked for that the key lacks. */
    missing: z.array(z.string()).optional(),
    /** NOT_FOUND: the parameter sets of legacy keys that exist, which the asking edge may try. They never leave over HTTP. */
    legacy: z.array(z.string().regex(LEGACY_PARAMETER_SET)).optional(),
  }),
]);
export type Verdict = z.infer<typeof verdict>;

/** The commonest verdicts, known without the schema's cost, a copy among it. It says the same of what is accepted here. */
export function isCommonVerdict(reply: unknown): reply is Verdict {
  if (typeof reply !== 'object' || reply === null) return false;
  const { valid, code, keyId, userId, scopes, position } = reply as Record<string, unknown>;
  if (!isShortPosition(position)) return false;
  const count = countFields(reply);
  if (valid === false) return code === 'NOT_FOUND' && count === 3;
  return valid === true && typeof keyId === 'string' && typeof userId === 'string' && areTexts(scopes) && count === 5;
}

/** Without the list of their names. */
function countFields(plain: object): number {
  let count = 0;
  for (const _ in plain) count += 1;
  return count;
}

function areTexts(list: unknown): boolean {
  return Array.isArray(list) && list.every((one) => typeof one === 'string');
}

export const verifyReply = z.union([verdict, z.object({ results: z.array(verdict) })]);
export type VerifyReply = z.infer<typeof verifyReply>;
