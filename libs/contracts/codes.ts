import { z } from 'zod';

/** Why a command or a query was refused. The list is closed: a consumer may switch over it exhaustively. */
export const REFUSAL_CODES = [
  'KEY_LIMIT_REACHED',
  'KEY_NOT_FOUND',
  'KEY_ID_REUSED',
  'USER_DELETED',
  'INVALID_REQUEST',
  'INVALID_SCOPE',
  'CONFLICT',
  'HASH_REUSED',
  /** The deadline passed. Reported by the caller's own side; a server drops such a request and counts it. */
  'EXPIRED',
  /** A fault, not a verdict: nothing is known about the key or the command. Ask again with the same commandId. */
  'UNAVAILABLE',
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** Why a key was not accepted. `UNAVAILABLE` and `STALE` say nothing about the key. */
export const VERIFICATION_CODES = [
  'NOT_FOUND',
  'INSUFFICIENT_SCOPE',
  'STALE',
  'UNAVAILABLE',
  'INVALID_REQUEST',
] as const;
export type VerificationCode = (typeof VERIFICATION_CODES)[number];

/** `attr` names the request's field that was refused, where there is one. */
export const refusalSchema = z.object({
  ok: z.literal(false),
  code: z.enum(REFUSAL_CODES),
  message: z.string(),
  attr: z.string().optional(),
});
export type Refusal = z.infer<typeof refusalSchema>;

export function refusal(code: RefusalCode, message: string, attr?: string): Refusal {
  return { ok: false, code, message, ...(attr === undefined ? {} : { attr }) };
}
