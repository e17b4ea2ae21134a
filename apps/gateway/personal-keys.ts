import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { waitForChange } from '#client/change-wait';
import { Requests, type CommandTopic } from '#client/requests';
import { type Refusal } from '#contracts/codes';
import { keyIdSchema } from '#contracts/fields';
import { type KeyRecord } from '#contracts/key-record';
import { type RequestOf } from '#contracts/topics';
import { sha256Hash } from '#credentials/hash';
import { mintKeyValue } from '#credentials/key-value';
import { maskOf } from '#credentials/mask';
import { type Secret } from '#credentials/secret';
import { notFound } from './http-problem.ts';
import { LagLog } from './lag-log.ts';
import { problemOfRefusal } from './problem-of-refusal.ts';
import { type ChangedKeyBody, type NewKeyBody } from './key-body.ts';
import { GATEWAY_SETTINGS, type GatewaySettings } from './settings.ts';

export interface Changed {
  /** The log position at which the change is true. */
  readonly position: string;
  /** The lookup had not got there in time: for a moment, keys may still be judged as before the change. */
  readonly isPending: boolean;
}

export interface ChangedKey extends Changed {
  readonly record: KeyRecord;
}

/**
 * A person's keys, through the services. Values are minted here and only hash and mask go any further. A change answers
 * once the lookup has it, so that the next request sees it, or after a second and says so. A refusal is thrown as its HttpProblem.
 */
@Injectable()
export class PersonalKeys {
  readonly #lag = new LagLog();

  constructor(
    private readonly requests: Requests,
    @Inject(GATEWAY_SETTINGS) private readonly settings: GatewaySettings,
  ) {}

  async list(userId: string): Promise<readonly KeyRecord[]> {
    return accepted(await this.requests.send('keys.list', { userId })).records;
  }

  async get(userId: string, keyId: string): Promise<KeyRecord> {
    return accepted(await this.requests.send('keys.get', { userId, keyId: knowable(keyId) })).record;
  }

  async create(userId: string, key: NewKeyBody, commandId: string): Promise<ChangedKey & { value: Secret }> {
    const value = mintKeyValue(this.settings.KEY_PREFIX);
    const { hash, mask } = hashAndMask(value);
    const changed = await this.#change('keys.create', { commandId, userId, keyId: randomUUID(), hash, mask, ...key });
    return { ...changed, value };
  }

  async roll(userId: string, keyId: string, commandId: string): Promise<ChangedKey & { value: Secret }> {
    const value = mintKeyValue(this.settings.KEY_PREFIX);
    const { hash, mask } = hashAndMask(value);
    const changed = await this.#change('keys.roll', { commandId, userId, keyId: knowable(keyId), hash, mask });
    return { ...changed, value };
  }

  async change(userId: string, keyId: string, change: ChangedKeyBody, commandId: string): Promise<ChangedKey> {
    return this.#change('keys.change', { commandId, userId, keyId: knowable(keyId), ...change });
  }

  async delete(userId: string, keyId: string, commandId: string): Promise<Changed> {
    return this.#change('keys.delete', { commandId, userId, keyId: knowable(keyId) });
  }

  async deleteUser(userId: string, commandId: string): Promise<Changed> {
    return this.#change('users.delete', { commandId, userId });
  }

  async #change<T extends CommandTopic>(topic: T, command: RequestOf<T>) {
    const done = accepted(await this.requests.command(topic, command));
    const isPending = !(await waitForChange(this.requests, done.position));
    if (isPending) this.#lag.tell(topic, done.position);
    return { ...done, isPending };
  }
}

function accepted<Reply extends { ok: boolean }>(reply: Reply | Refusal): Exclude<Reply, Refusal> {
  if (isRefusal(reply)) throw problemOfRefusal(reply);
  return reply as Exclude<Reply, Refusal>;
}

function isRefusal(reply: { ok: boolean }): reply is Refusal {
  return !reply.ok;
}

/** An id that no key can have is an unknown key, not a bad request. */
function knowable(keyId: string): string {
  if (!keyIdSchema.safeParse(keyId).success) throw notFound();
  return keyId;
}

function hashAndMask(value: Secret): { hash: string; mask: string } {
  return { hash: sha256Hash(value), mask: maskOf(value) };
}
