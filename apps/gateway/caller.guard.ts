import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { type FastifyRequest } from 'fastify';
import { assertNotCrossSite } from './browser-defence.ts';
import { rememberCaller, type Caller } from './caller.ts';
import { KeyCredentials } from './key-credentials.ts';
import { DevelopmentSignIn } from './sign-in.ts';

/**
 * A key in the request counts before a sign-in, and the first key found is the only one: a bad one is not rescued by
 * what stands beside it.
 */
@Injectable()
export class CallerGuard implements CanActivate {
  constructor(
    private readonly keys: KeyCredentials,
    private readonly signIn: DevelopmentSignIn,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    rememberCaller(request, await this.#identify(request));
    return true;
  }

  async #identify(request: FastifyRequest): Promise<Caller> {
    const credential = this.keys.take(request);
    if (credential !== undefined) {
      const { userId, keyId } = await this.keys.verify(credential);
      return { kind: 'key', userId, keyId };
    }
    const userId = this.signIn.identify(request.headers.authorization);
    assertNotCrossSite(request);
    return { kind: 'person', userId };
  }
}
