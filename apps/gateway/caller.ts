import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { type FastifyRequest } from 'fastify';
import { keysManageNothing, notFound } from './http-problem.ts';

/** Who a request comes from: a person who signed in, or a key that was shown. */
export type Caller =
  | { readonly kind: 'person'; readonly userId: string }
  | { readonly kind: 'key'; readonly userId: string; readonly keyId: string };

const callers = new WeakMap<FastifyRequest, Caller>();

export function rememberCaller(request: FastifyRequest, caller: Caller): void {
  callers.set(request, caller);
}

function callerOf(context: ExecutionContext): Caller {
  const caller = callers.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (caller === undefined) throw new Error('a route that asks for its caller must be behind CallerGuard');
  return caller;
}

/** Whoever it is. */
export const AnyCaller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => callerOf(context));

/** The id of the person who signed in; keys never manage keys. */
export const PersonId = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const caller = callerOf(context);
  if (caller.kind === 'key') throw keysManageNothing();
  return caller.userId;
});

/** The key that is its own credential; a person has no current key. */
export const CurrentKey = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const caller = callerOf(context);
  if (caller.kind === 'person') throw notFound();
  return caller;
});
