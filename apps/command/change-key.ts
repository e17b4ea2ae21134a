import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type ChangeKeyRequest, type KeyReply } from '#contracts/commands';
import { type ScopeCatalogue } from '#contracts/scope-catalogue';
import { changeKey } from '#keys/change-key';
import { keyReply } from './replies.ts';
import { SCOPE_CATALOGUE } from './scope-catalogue.ts';
import { UserCommand } from './user-command.ts';
import { UserDecisions } from './user-decisions.ts';

export class ChangeKey extends UserCommand<ChangeKeyRequest, KeyReply> {
  override readonly topic = 'keys.change';
}

@CommandHandler(ChangeKey)
export class ChangeKeyHandler implements ICommandHandler<ChangeKey, KeyReply> {
  constructor(
    private readonly decisions: UserDecisions,
    @Inject(SCOPE_CATALOGUE) private readonly scopes: ScopeCatalogue,
  ) {}

  async execute(command: ChangeKey): Promise<KeyReply> {
    const { request, at } = command;
    const outcome = await this.decisions.execute(command, (user) => changeKey(user, { ...request, at }, this.scopes));
    return keyReply(command.userId, outcome);
  }
}
