import { type Refusal } from '#contracts/codes';

/** PostHog's envelope, the body of every answer that is not a success. `attr` names the field that is at fault. */
export interface ErrorEnvelope {
  readonly type: 'authentication_error' | 'invalid_request' | 'server_error' | 'validation_error';
  readonly code: string;
  readonly detail: string;
  readonly attr: string | null;
}

/**
 * Thrown anywhere in the gateway to answer with an envelope. Every text is a fixed one of ours: nothing of a request, of
 * a service's message or of a fault reaches a client through it (a scope's own name aside).
 */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';

  constructor(
    readonly status: number,
    readonly envelope: ErrorEnvelope,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(envelope.detail);
  }
}

export function validationError(code: string, detail: string, attr: string | null = null): HttpProblem {
  return new HttpProblem(400, { type: 'validation_error', code, detail, attr });
}

export function invalidRequest(status: number, code: string, detail: string): HttpProblem {
  return new HttpProblem(status, { type: 'invalid_request', code, detail, attr: null });
}

/** 401 with the scheme that the client may try. */
export function unauthenticated(
  code: 'authentication_failed' | 'not_authenticated',
  detail: string,
  challenge: string,
) {
  return new HttpProblem(
    401,
    { type: 'authentication_error', code, detail, attr: null },
    { 'www-authenticate': challenge },
  );
}

export function permissionDenied(detail: string): HttpProblem {
  return new HttpProblem(403, { type: 'authentication_error', code: 'permission_denied', detail, attr: null });
}

/** For a key as the credential, wherever it asks for more than itself. */
export function keysManageNothing(): HttpProblem {
  return permissionDenied('This action does not support personal API key access');
}

export function notFound(): HttpProblem {
  return invalidRequest(404, 'not_found', 'Not found.');
}

/** A fault on our side: nothing is said about the key or the command, and asking again is right. */
export function unavailable(): HttpProblem {
  return new HttpProblem(
    503,
    {
      type: 'server_error',
      code: 'unavailable',
      detail: 'The service is temporarily unavailable. Try again.',
      attr: null,
    },
    { 'retry-after': '1' },
  );
}

/** PostHog's words, with the scope that the client itself sent. */
const INVALID_SCOPE = /^Invalid scope: [a-z0-9_:*]{1,64}$/;

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
