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
