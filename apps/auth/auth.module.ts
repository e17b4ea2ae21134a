import { type DynamicModule, Module } from '@nestjs/common';
import { type LookupReader } from '#key-lookup/lookup-reader';
import { Verifier, type VerifierOptions } from '#verification/verifier';
import { VerifyKeysController } from './verify-keys.controller.ts';

export interface AuthOptions extends VerifierOptions {
  readonly lookup: LookupReader;
}

/** The service that answers `keys.verify`. It keeps nothing of its own: any number of it may run. */
@Module({})
export class AuthModule {
  static register({ lookup, ...options }: AuthOptions): DynamicModule {
    return {
      module: AuthModule,
      controllers: [VerifyKeysController],
      providers: [{ provide: Verifier, useFactory: () => new Verifier(lookup, options) }],
    };
  }
}
