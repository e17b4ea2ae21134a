import type { z } from 'zod';
import { refusal, type Refusal } from './codes.ts';
import type { Verdict } from './verification.ts';

/**
 * The answer to a request that its contract does not accept. Names the first bad field and what it must be, never what
 * was sent: it may be a secret in the wrong place.
 */
export function invalidRequest(topic: string, error: z.core.$ZodError): Refusal | Verdict {
  if (topic === 'keys.verify') return { valid: false, code: 'INVALID_REQUEST' };
  const issue = error.issues[0];
  const attr = issue?.path[0];
  const field = attr === undefined ? undefined : String(attr);
  const code = field === 'scopes' && issue?.code === 'invalid_format' ? 'INVALID_SCOPE' : 'INVALID_REQUEST';
  return refusal(code, issue?.message ?? 'The request does not have the shape of its contract.', field);
}
