import { type DynamicModule, Module } from '@nestjs/common';
import { type LastUse } from '#key-lookup/last-use';
import { type LookupReader } from '#key-lookup/lookup-reader';
import { Verifier, type VerifierOptions } from '#verification/verifier';
import { LAST_USE } from './last-use.provider.ts';
import { LastUsedController } from './last-used.controller.ts';
import { VerifyKeysController } from './verify-keys.controller.ts';

export interface AuthOptions extends Omit<VerifierOptions, 'onUse'> {
  readonly lookup: LookupReader;
  /** Where the uses of keys are noted and read. */
  readonly lastUse: LastUse;
}

/** The service that answers `keys.verify` and `keys.last-used`. It keeps nothing of its own: any number of it may run. */
@Module({})
export class AuthModule {
  static register({ lookup, lastUse, ...options }: AuthOptions): DynamicModule {
    const onUse: VerifierOptions['onUse'] = (keys, atMs) => lastUse.note(keys, atMs);
    return {
      module: AuthModule,
      controllers: [VerifyKeysController, LastUsedController],
      providers: [
        { provide: Verifier, useFactory: () => new Verifier(lookup, { ...options, onUse }) },
        { provide: LAST_USE, useValue: lastUse },
      ],
    };
  }
}
