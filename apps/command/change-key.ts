import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type ChangeKeyRequest, type KeyReply } from '#contracts/commands';
import { changeKey } from '#keys/change-key';
import { keyReply } from './replies.ts';
import { UserCommand } from './user-command.ts';
import { UserDecisions } from './user-decisions.ts';

export class ChangeKey extends UserCommand<ChangeKeyRequest, KeyReply> {
  override readonly topic = 'keys.change';
}

@CommandHandler(ChangeKey)
export class ChangeKeyHandler implements ICommandHandler<ChangeKey, KeyReply> {
  constructor(private readonly decisions: UserDecisions) {}

  async execute(command: ChangeKey): Promise<KeyReply> {
    const { request, at } = command;
    const outcome = await this.decisions.execute(command, (user) => changeKey(user, { ...request, at }));
    return keyReply(command.userId, outcome);
  }
}
