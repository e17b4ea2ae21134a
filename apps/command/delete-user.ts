import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type DeleteUserRequest, type DeleteUserReply } from '#contracts/commands';
import { deleteUser } from '#keys/delete-user';
import { deleteUserReply } from './replies.ts';
import { UserCommand } from './user-command.ts';
import { UserDecisions } from './user-decisions.ts';

export class DeleteUser extends UserCommand<DeleteUserRequest, DeleteUserReply> {
  override readonly topic = 'users.delete';
}

@CommandHandler(DeleteUser)
export class DeleteUserHandler implements ICommandHandler<DeleteUser, DeleteUserReply> {
  constructor(private readonly decisions: UserDecisions) {}

  async execute(command: DeleteUser): Promise<DeleteUserReply> {
    const { request, at } = command;
    const outcome = await this.decisions.execute(command, (user) => deleteUser(user, { ...request, at }));
    return deleteUserReply(outcome);
  }
}
