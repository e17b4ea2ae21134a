import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Res, UseGuards } from '@nestjs/common';
import { type FastifyReply } from 'fastify';
import { AnyCaller, CurrentKey, PersonId, type Caller } from './caller.ts';
import { CallerGuard } from './caller.guard.ts';
import { CommandId } from './command-id.ts';
import { keysManageNothing } from './http-problem.ts';
import { readChangedKey, readNewKey } from './key-body.ts';
import { representKey, type KeyRepresentation } from './key-representation.ts';
import { PersonalKeys } from './personal-keys.ts';
import { tellChange } from './position-header.ts';

/** PostHog's personal API keys endpoint (docs/http-api.md). */
@Controller('api/personal_api_keys')
@UseGuards(CallerGuard)
export class KeysController {
  constructor(private readonly keys: PersonalKeys) {}

  @Get()
  async list(@PersonId() userId: string): Promise<KeyRepresentation[]> {
    const records = await this.keys.list(userId);
    return records.map((record) => representKey(record));
  }

  @Post()
  async create(
    @PersonId() userId: string,
    @Body() body: unknown,
    @CommandId() commandId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyRepresentation> {
    const changed = await this.keys.create(userId, readNewKey(body), commandId);
    tellChange(reply, changed);
    return representKey(changed.record, changed.value.reveal());
  }

  @Get('@current')
  async current(@CurrentKey() { userId, keyId }: Caller & { kind: 'key' }): Promise<KeyRepresentation> {
    return representKey(await this.keys.get(userId, keyId));
  }

  /** A key may read itself by its id as well. */
  @Get(':id')
  async get(@AnyCaller() caller: Caller, @Param('id') keyId: string): Promise<KeyRepresentation> {
    if (caller.kind === 'key' && caller.keyId !== keyId) throw keysManageNothing();
    return representKey(await this.keys.get(caller.userId, keyId));
  }

  @Patch(':id')
  async change(
    @PersonId() userId: string,
    @Param('id') keyId: string,
    @Body() body: unknown,
    @CommandId() commandId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyRepresentation> {
    const changed = await this.keys.change(userId, keyId, readChangedKey(body), commandId);
    tellChange(reply, changed);
    return representKey(changed.record);
  }

  @Delete(':id')
  @HttpCode(204)
  async delete(
    @PersonId() userId: string,
    @Param('id') keyId: string,
    @CommandId() commandId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const changed = await this.keys.delete(userId, keyId, commandId);
    tellChange(reply, changed);
  }

  @Post(':id/roll')
  @HttpCode(200)
  async roll(
    @PersonId() userId: string,
    @Param('id') keyId: string,
    @CommandId() commandId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyRepresentation> {
    const changed = await this.keys.roll(userId, keyId, commandId);
    tellChange(reply, changed);
    return representKey(changed.record, changed.value.reveal());
  }
}
