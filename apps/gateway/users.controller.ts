import { Controller, Delete, HttpCode, Res, UseGuards } from '@nestjs/common';
import { type FastifyReply } from 'fastify';
import { CallerGuard } from './caller.guard.ts';
import { PersonId } from './caller.ts';
import { CommandId } from './command-id.ts';
import { PersonalKeys } from './personal-keys.ts';
import { tellChange } from './position-header.ts';

@Controller('api/users')
@UseGuards(CallerGuard)
export class UsersController {
  constructor(private readonly keys: PersonalKeys) {}

  /** For ever: the user's keys go in the same append, and nothing can be created for this id again. */
  @Delete('@me')
  @HttpCode(204)
  async deleteMe(
    @PersonId() userId: string,
    @CommandId() commandId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const changed = await this.keys.deleteUser(userId, commandId);
    tellChange(reply, changed);
  }
}
