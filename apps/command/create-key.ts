import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type CreateKeyRequest, type KeyReply } from '#contracts/commands';
import { type ScopeCatalogue } from '#contracts/scope-catalogue';
import { createKey } from '#keys/create-key';
import { keyReply } from './replies.ts';
import { SCOPE_CATALOGUE } from './scope-catalogue.ts';
import { UserCommand } from './user-command.ts';
import { UserDecisions } from './user-decisions.ts';

export class CreateKey extends UserCommand<CreateKeyRequest, KeyReply> {
  override readonly topic = 'keys.create';
}

@CommandHandler(CreateKey)
export class CreateKeyHandler implements ICommandHandler<CreateKey, KeyReply> {
  constructor(
    private readonly decisions: UserDecisions,
    @Inject(SCOPE_CATALOGUE) private readonly scopes: ScopeCatalogue,
  ) {}

  async execute(command: CreateKey): Promise<KeyReply> {
    const { request, at } = command;
    const outcome = await this.decisions.execute(command, (user) => createKey(user, { ...request, at }, this.scopes));
    return keyReply(command.userId, outcome);
  }
}
