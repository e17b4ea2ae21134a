import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type RollKeyRequest, type KeyReply } from '#contracts/commands';
import { rollKey } from '#keys/roll-key';
import { getKey } from '#keys/user-keys';
import { keyReply } from './replies.ts';
import { UserCommand } from './user-command.ts';
import { UserDecisions } from './user-decisions.ts';

export class RollKey extends UserCommand<RollKeyRequest, KeyReply> {
  override readonly topic = 'keys.roll';
}

@CommandHandler(RollKey)
export class RollKeyHandler implements ICommandHandler<RollKey, KeyReply> {
  constructor(private readonly decisions: UserDecisions) {}

  async execute(command: RollKey): Promise<KeyReply> {
    const { request, at } = command;
    const outcome = await this.decisions.execute(command, (user, first) =>
      rollKey(user, { ...request, at, firstSeenHash: getKey(first, request.keyId)?.hash }),
    );
    return keyReply(command.userId, outcome);
  }
}
