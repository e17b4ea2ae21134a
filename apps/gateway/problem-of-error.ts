import { HttpException } from '@nestjs/common';
import { RequestFault } from '#client/request-fault';
import { HttpProblem, invalidRequest, notFound, validationError } from './http-problem.ts';
import { problemOfRefusal } from './problem-of-refusal.ts';

/**
 * Whatever was thrown, as what the client is told. Errors of Fastify and Nest count by their status alone: their messages
 * quote what was sent. Undefined: a fault that nobody foresaw, to be logged and answered with `internalError()`.
 */
export function problemOfError(error: unknown): HttpProblem | undefined {
  if (error instanceof HttpProblem) return error;
  if (error instanceof RequestFault) return problemOfRefusal(error);
  return problemOfStatus(statusOf(error));
}

export function internalError(): HttpProblem {
  return new HttpProblem(500, {
    type: 'server_error',
    code: 'error',
    detail: 'A server error occurred.',
    attr: null,
  });
}

/** The answer to a request that no handler of ours saw, by the status that Fastify, Nest or Node chose for it. */
export function problemOfStatus(status: number | undefined): HttpProblem | undefined {
  if (status === undefined || status < 400 || status > 499) return undefined;
  if (status === 400) return validationError('parse_error', 'Malformed request.');
  if (status === 404) return notFound();
  const [code, detail] = WORDS.get(status) ?? ['invalid', 'The request was not accepted.'];
  return invalidRequest(status, code, detail);
}

const WORDS: ReadonlyMap<number, readonly [code: string, detail: string]> = new Map([
  [408, ['request_timeout', 'The request did not arrive in time.']],
  [413, ['request_too_large', 'The request body is too large.']],
  [414, ['uri_too_long', 'The address is too long.']],
  [415, ['unsupported_media_type', 'Unsupported media type in request. Send application/json.']],
  [431, ['request_header_fields_too_large', 'The request headers are too large.']],
]);

/** Nest's mapping keeps Fastify's errors as they are or wraps them in an HttpException. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  if (typeof error !== 'object' || error === null) return undefined;
  return 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;
}
