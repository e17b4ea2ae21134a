import { randomUUID } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { type FastifyRequest } from 'fastify';
import { validationError } from './http-problem.ts';

const IDEMPOTENCY_KEY = /^[A-Za-z0-9._:-]{1,100}$/;

/**
 * The id of the command that a request asks for: a new one, or the client's `Idempotency-Key`, so that a request whose
 * answer was lost can be sent again. Prefixed, so that it can't meet the ids that other callers give to commands.
 */
export function commandIdOf(idempotencyKey: string | readonly string[] | undefined): string {
  if (idempotencyKey === undefined) return randomUUID();
  if (typeof idempotencyKey !== 'string' || !IDEMPOTENCY_KEY.test(idempotencyKey)) {
    throw validationError('invalid', 'Idempotency-Key must be 1 to 100 characters of A-Z a-z 0-9 . _ : -');
  }
  return `http:${idempotencyKey}`;
}

export const CommandId = createParamDecorator((_: unknown, context: ExecutionContext): string =>
  commandIdOf(context.switchToHttp().getRequest<FastifyRequest>().headers['idempotency-key']),
);
