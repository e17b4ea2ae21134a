import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { DEFAULT_SCOPE_CATALOGUE, type ScopeCatalogue } from '#contracts/scope-catalogue';
import { EventStore } from '#event-store/event-store';
import { ChangeKeyHandler } from './change-key.ts';
import { CommandsController } from './commands.controller.ts';
import { CreateKeyHandler } from './create-key.ts';
import { DeleteKeyHandler } from './delete-key.ts';
import { DeleteUserHandler } from './delete-user.ts';
import { GetKeyHandler } from './get-key.ts';
import { ListKeysHandler } from './list-keys.ts';
import { QueriesController } from './queries.controller.ts';
import { RollKeyHandler } from './roll-key.ts';
import { SCOPE_CATALOGUE } from './scope-catalogue.ts';
import { UserDecisions } from './user-decisions.ts';
import { UserStreams } from './user-streams.ts';

export interface CommandOptions {
  readonly eventStore: EventStore;
  /** The scopes that may be given to keys; PostHog's by default. */
  readonly scopes?: ScopeCatalogue;
}

/** Decides every change of a key and appends it; answers what a user's keys are. Speaks to the log alone. */
@Module({})
export class CommandModule {
  static register({ eventStore, scopes = DEFAULT_SCOPE_CATALOGUE }: CommandOptions): DynamicModule {
    return {
      module: CommandModule,
      imports: [CqrsModule],
      controllers: [CommandsController, QueriesController],
      providers: [
        { provide: EventStore, useValue: eventStore },
        { provide: SCOPE_CATALOGUE, useValue: scopes },
        UserStreams,
        UserDecisions,
        CreateKeyHandler,
        RollKeyHandler,
        ChangeKeyHandler,
        DeleteKeyHandler,
        DeleteUserHandler,
        ListKeysHandler,
        GetKeyHandler,
      ],
    };
  }
}
