import { type Refusal } from '#contracts/codes';
import {
  invalidRequest,
  notFound,
  permissionDenied,
  unavailable,
  validationError,
  type HttpProblem,
} from './http-problem.ts';

/** The one place that turns a service's refusal into HTTP. Words from PostHog where it has them. */
export function problemOfRefusal({ code, message }: Pick<Refusal, 'code' | 'message'>): HttpProblem {
  switch (code) {
    case 'KEY_LIMIT_REACHED':
      return validationError(
        'invalid_input',
        'You can only have 10 personal API keys. Remove an existing key before creating a new one.',
      );
    case 'KEY_NOT_FOUND':
      return notFound();
    case 'USER_DELETED':
      return permissionDenied('User inactive or deleted.');
    case 'CONFLICT':
      return invalidRequest(
        409,
        'conflict',
        'Another change came first, or this Idempotency-Key was used before. Read the key again, then decide.',
      );
    case 'INVALID_SCOPE':
      return validationError('invalid_input', INVALID_SCOPE.test(message) ? message : 'Invalid scope.', 'scopes');
    case 'INVALID_REQUEST':
      return validationError('invalid', 'Invalid input.');
    // The gateway makes ids and values itself, from 128 and 256 random bits.
    case 'KEY_ID_REUSED':
    case 'HASH_REUSED':
      return invalidRequest(409, 'conflict', 'The request could not be carried out as it was. Send it again.');
    case 'EXPIRED':
    case 'UNAVAILABLE':
      return unavailable();
  }
}

/** PostHog's words, with the scope that the client itself sent. */
const INVALID_SCOPE = /^Invalid scope: [a-z0-9_:*]{1,64}$/;
