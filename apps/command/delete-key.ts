import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type DeleteKeyRequest, type DeleteKeyReply } from '#contracts/commands';
import { deleteKey } from '#keys/delete-key';
import { deleteKeyReply } from './replies.ts';
import { UserCommand } from './user-command.ts';
import { UserDecisions } from './user-decisions.ts';

export class DeleteKey extends UserCommand<DeleteKeyRequest, DeleteKeyReply> {
  override readonly topic = 'keys.delete';
}

@CommandHandler(DeleteKey)
export class DeleteKeyHandler implements ICommandHandler<DeleteKey, DeleteKeyReply> {
  constructor(private readonly decisions: UserDecisions) {}

  async execute(command: DeleteKey): Promise<DeleteKeyReply> {
    const { request, at } = command;
    const outcome = await this.decisions.execute(command, (user) => deleteKey(user, { ...request, at }));
    return deleteKeyReply(outcome);
  }
}
