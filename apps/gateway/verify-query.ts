import { verifyItem } from '#contracts/verification';
import { validationError, type HttpProblem } from './http-problem.ts';

export interface VerifyQuery {
  readonly scopes?: string[];
  readonly minPosition?: string;
}

/** The contract wants something to ask about; the key's own hash comes later. */
const ANY_HASH = `sha256$${'0'.repeat(64)}`;

/**
 * `scopes=a:read,b:write&minPosition=123`. Strict, since what a proxy asks for stands in its configuration: a parameter
 * that is misspelt, repeated or empty would otherwise let in a key that was meant to be refused.
 */
export function readVerifyQuery(query: unknown): VerifyQuery | HttpProblem {
  const asked: { scopes?: string[]; minPosition?: string } = {};
  for (const [name, value] of Object.entries(query as Record<string, unknown>)) {
    if (name !== 'scopes' && name !== 'minPosition') {
      return validationError('invalid', 'Only scopes and minPosition can be asked for.');
    }
    if (typeof value !== 'string') return validationError('invalid', 'This parameter may be given only once.', name);
    if (name === 'scopes') asked.scopes = value.split(',');
    else asked.minPosition = value;
  }
  const parsed = verifyItem.safeParse({ hash: ANY_HASH, ...asked });
  if (parsed.success) return asked;
  if (parsed.error.issues[0]?.path[0] === 'scopes') return validationError('invalid_input', 'Invalid scope.', 'scopes');
  return validationError('invalid_input', 'Invalid position.', 'minPosition');
}
