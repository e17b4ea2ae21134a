import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Res, UseGuards } from '@nestjs/common';
import { type FastifyReply } from 'fastify';
import { AnyCaller, CurrentKey, PersonId, type Caller } from './caller.ts';
import { CallerGuard } from './caller.guard.ts';
import { CommandId } from './command-id.ts';
import { keysManageNothing } from './http-problem.ts';
import { readChangedKey, readNewKey, type ChangedKeyBody } from './key-body.ts';
import { representKey, type KeyRepresentation } from './key-representation.ts';
import { LastUseReader, tellLastUses } from './last-uses.ts';
import { PersonalKeys } from './personal-keys.ts';
import { tellChange } from './position-header.ts';

/** PostHog's personal API keys endpoint (docs/http-api.md). */
@Controller('api/personal_api_keys')
@UseGuards(CallerGuard)
export class KeysController {
  constructor(
    private readonly keys: PersonalKeys,
    private readonly lastUses: LastUseReader,
  ) {}

  @Get()
  async list(
    @PersonId() userId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyRepresentation[]> {
    const records = await this.keys.list(userId);
    const lastUsedAt = tellLastUses(reply, await this.lastUses.of(records));
    return records.map((record, index) => representKey(record, { lastUsedAt: lastUsedAt(index) }));
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
    return representKey(changed.record, { value: changed.value.reveal() });
  }

  @Get('@current')
  async current(
    @CurrentKey() { userId, keyId }: Caller & { kind: 'key' },
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyRepresentation> {
    return this.#show(reply, userId, keyId);
  }

  /** A key may read itself by its id as well. */
  @Get(':id')
  async get(
    @AnyCaller() caller: Caller,
    @Param('id') keyId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyRepresentation> {
    if (caller.kind === 'key' && caller.keyId !== keyId) throw keysManageNothing();
    return this.#show(reply, caller.userId, keyId);
  }

  @Patch(':id')
  async change(
    @PersonId() userId: string,
    @Param('id') keyId: string,
    @Body() body: unknown,
    @CommandId() commandId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyRepresentation> {
    const change = await this.#readChange(userId, keyId, body);
    const [changed, lastUses] = await Promise.all([
      this.keys.change(userId, keyId, change, commandId),
      this.lastUses.of([{ userId, keyId }]),
    ]);
    tellChange(reply, changed);
    return representKey(changed.record, { lastUsedAt: tellLastUses(reply, lastUses)(0) });
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
    const [changed, lastUses] = await Promise.all([
      this.keys.roll(userId, keyId, commandId),
      this.lastUses.of([{ userId, keyId }]),
    ]);
    tellChange(reply, changed);
    const lastUsedAt = tellLastUses(reply, lastUses)(0);
    return representKey(changed.record, { lastUsedAt, value: changed.value.reveal() });
  }

  async #show(reply: FastifyReply, userId: string, keyId: string): Promise<KeyRepresentation> {
    const [record, lastUses] = await Promise.all([this.keys.get(userId, keyId), this.lastUses.of([{ userId, keyId }])]);
    return representKey(record, { lastUsedAt: tellLastUses(reply, lastUses)(0) });
  }

  /** As PostHog does, which looks for the key before it looks at what should become of it: 404 comes before 400. */
  async #readChange(userId: string, keyId: string, body: unknown): Promise<ChangedKeyBody> {
    try {
      return readChangedKey(body);
    } catch (problem) {
      await this.keys.get(userId, keyId);
      throw problem;
    }
  }
}
