import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { type RequestTransport } from '#client/request-transport';
import { Requests } from '#client/requests';
import { ValueVerifier } from '#client/value-verifier';
import { LegacyHasher } from '#credentials/legacy-hasher';
import { CallerGuard } from './caller.guard.ts';
import { KeyCredentials } from './key-credentials.ts';
import { KeysController } from './keys.controller.ts';
import { LastUseReader } from './last-uses.ts';
import { PersonalKeys } from './personal-keys.ts';
import { ProblemFilter } from './problem.filter.ts';
import { GATEWAY_SETTINGS, type GatewaySettings } from './settings.ts';
import { DevelopmentSignIn } from './sign-in.ts';
import { UsersController } from './users.controller.ts';
import { VerifyController } from './verify.controller.ts';

export interface GatewayOptions {
  readonly settings: GatewaySettings;
  /** How the services are reached; the module does not close it. */
  readonly client: RequestTransport;
}

/** HTTP for people and proxies. Knows the services by their topics alone. Needs the adapter of `createHttpAdapter`. */
@Module({})
export class GatewayModule {
  static register({ settings, client }: GatewayOptions): DynamicModule {
    const requests = new Requests(client);
    const hasher = new LegacyHasher({ allowTestIterations: settings.LEGACY_TEST_ITERATIONS === '1' });
    return {
      module: GatewayModule,
      controllers: [KeysController, UsersController, VerifyController],
      providers: [
        { provide: GATEWAY_SETTINGS, useValue: settings },
        { provide: Requests, useValue: requests },
        { provide: ValueVerifier, useValue: new ValueVerifier(requests, { keyPrefix: settings.KEY_PREFIX, hasher }) },
        { provide: DevelopmentSignIn, useValue: new DevelopmentSignIn(settings.SIGN_IN_TOKEN) },
        { provide: APP_FILTER, useClass: ProblemFilter },
        CallerGuard,
        KeyCredentials,
        LastUseReader,
        PersonalKeys,
      ],
    };
  }
}
