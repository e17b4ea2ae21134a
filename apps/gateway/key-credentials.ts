import { Injectable } from '@nestjs/common';
import { type FastifyRequest } from 'fastify';
import { ValueVerifier, type Verification, type VerifyOptions } from '#client/value-verifier';
import { type Credential, findCredential } from '#credentials/find-credential';
import { permissionDenied, unauthenticated, unavailable, type HttpProblem } from './http-problem.ts';

const CHALLENGE = 'Bearer realm="Latchkey"';
const PLACES = { header: 'Authorization header', body: 'body' } as const;

export type ValidKey = Extract<Verification, { valid: true }>;

/** The key that a request shows as its credential. */
@Injectable()
export class KeyCredentials {
  constructor(private readonly verifier: ValueVerifier) {}

  /**
   * Undefined where the request shows none: neither `Authorization: Bearer` nor `personal_api_key` in the body. A key in
   * the body is taken out of it, so that nothing which reads the body afterwards comes across a secret.
   */
  take(request: FastifyRequest): Credential | undefined {
    const { body } = request;
    const credential = findCredential({ authorization: request.headers.authorization, body });
    if (typeof body === 'object' && body !== null) delete (body as { personal_api_key?: unknown }).personal_api_key;
    return credential;
  }

  /** Throws 401 for a key that is not good, 403 where scopes are missing, 503 where nobody can tell. */
  async verify(credential: Credential, options: VerifyOptions = {}): Promise<ValidKey> {
    const verification = await this.verifier.verify(credential.value, options);
    if (verification.valid) return verification;
    switch (verification.code) {
      case 'NOT_FOUND':
        throw unauthenticated(
          'authentication_failed',
          `Personal API key found in request ${PLACES[credential.where]} is invalid.`,
          `${CHALLENGE}, error="invalid_token"`,
        );
      case 'INSUFFICIENT_SCOPE':
        throw permissionDenied(`API key missing required scope '${verification.missing?.[0] ?? ''}'`);
      // The request to the service is of our own making, so INVALID_REQUEST is our fault and no verdict either.
      case 'INVALID_REQUEST':
      case 'STALE':
      case 'UNAVAILABLE':
        throw unavailable();
    }
  }
}

export function keyMissing(): HttpProblem {
  return unauthenticated('not_authenticated', 'Authentication credentials were not provided.', CHALLENGE);
}
