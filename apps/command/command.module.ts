import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
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
import { UserDecisions } from './user-decisions.ts';
import { UserStreams } from './user-streams.ts';

/** Decides every change of a key and appends it; answers what a user's keys are. Speaks to the log alone. */
@Module({})
export class CommandModule {
  static register({ eventStore }: { eventStore: EventStore }): DynamicModule {
    return {
      module: CommandModule,
      imports: [CqrsModule],
      controllers: [CommandsController, QueriesController],
      providers: [
        { provide: EventStore, useValue: eventStore },
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
