import { changeKey } from '#keys/change-key';
import { createKey } from '#keys/create-key';
import { type Decision } from '#keys/decision';
import { deleteKey } from '#keys/delete-key';
import { deleteUser } from '#keys/delete-user';
import { type KeyEvent, type StoredKeyEvent } from '#keys/events';
import { importKey } from '#keys/import-key';
import { type Key } from '#keys/key';
import { keyRecord } from '#keys/key-record';
import { keyEventMetadata, parseKeyEvent } from '#keys/parse-key-event';
import { rememberedCommand } from '#keys/remembered-commands';
import { rollKey } from '#keys/roll-key';
import { deletedKeys, evolve, getKey, listKeys, noKeys, type UserKeys } from '#keys/user-keys';
import { eventsOf } from '#testing/given-keys';
import {
  GRANTABLE_SCOPES,
  type ModelCommand,
  type ModelImport,
  type ModelRecord,
  type ModelReply,
} from '#testing/key-model';

export type StreamReply = ModelReply & {
  /** Of the command's last event; where nothing changed, of the stream's last one. */
  position?: bigint | undefined;
};

/**
 * The rules at work without a store: every user's stream in one log, each command folded, decided and appended as a whole.
 * Events go through JSON and are parsed on the way back, as stored ones are.
 */
export class UserStreams {
  readonly log: StoredKeyEvent[] = [];
  readonly #streams = new Map<string, { user: UserKeys; lastPosition: bigint | undefined }>();

  execute(command: ModelCommand, at: string, firstSeenHash?: string): StreamReply {
    const before = this.#remembered(command);
    if (before !== undefined) return before;
    const { user } = this.#stream(command.userId);
    const decision = decide(user, command, at, firstSeenHash);
    if ('refused' in decision) return { ok: false, code: decision.refused };
    const metadata = { commandId: command.commandId, digest: digestOf(command) };
    for (const event of decision.events) this.#append(event, metadata);
    return this.#remembered(command) ?? this.#unchanged(command);
  }

  /** A key that comes from elsewhere, limit or not. */
  import({ createdAt, ...key }: ModelImport): void {
    const decision = importKey(this.#stream(key.userId).user, { ...key, createdAt, mask: null }, new Set(key.scopes));
    for (const event of eventsOf(decision)) {
      this.#append(event, { commandId: `import-${key.keyId}`, digest: key.hash });
    }
  }

  hashOf(userId: string, keyId: string): string | undefined {
    return getKey(this.#stream(userId).user, keyId)?.hash;
  }

  lastPosition(userId: string): bigint | undefined {
    return this.#stream(userId).lastPosition;
  }

  /** Newest first. */
  records(userId: string): ModelRecord[] {
    return listKeys(this.#stream(userId).user).map((key) => keyRecord(userId, key));
  }

  #remembered(command: ModelCommand): StreamReply | undefined {
    const { user } = this.#stream(command.userId);
    const remembered = rememberedCommand(user, command.commandId, digestOf(command));
    if (remembered === undefined) return undefined;
    if (remembered.outcome === 'different') return { ok: false, code: 'CONFLICT' };
    return { ...done(command, remembered.key, remembered.deletedKeys), position: remembered.position };
  }

  #unchanged(command: ModelCommand): StreamReply {
    const { user, lastPosition } = this.#stream(command.userId);
    const key = command.do === 'deleteUser' ? undefined : getKey(user, command.keyId);
    return { ...done(command, key, deletedKeys(user)), position: lastPosition };
  }

  #append(event: KeyEvent, command: { commandId: string; digest: string }): void {
    const { userId } = event.data;
    const metadata = keyEventMetadata(event.type, command);
    const parsed = parseKeyEvent(event.type, throughJson(event.data), throughJson(metadata));
    if (parsed.outcome === 'unknown') throw new Error(`an event of ours was not understood: ${parsed.reason}`);
    const { outcome: _, ...understood } = parsed;
    const stored = { ...understood, position: BigInt(this.log.length) * 100n };
    this.log.push(stored);
    this.#streams.set(userId, { user: evolve(this.#stream(userId).user, stored), lastPosition: stored.position });
  }

  #stream(userId: string): { user: UserKeys; lastPosition: bigint | undefined } {
    return this.#streams.get(userId) ?? { user: noKeys(), lastPosition: undefined };
  }
}

const GRANTABLE = new Set(GRANTABLE_SCOPES);

function decide(user: UserKeys, command: ModelCommand, at: string, firstSeenHash?: string): Decision {
  switch (command.do) {
    case 'createKey':
      return createKey(user, { ...command, at }, GRANTABLE);
    case 'rollKey':
      return rollKey(user, { ...command, at, firstSeenHash });
    case 'changeKey':
      return changeKey(user, { ...command, at }, GRANTABLE);
    case 'deleteKey':
      return deleteKey(user, { ...command, at });
    case 'deleteUser':
      return deleteUser(user, { ...command, at });
  }
}

function done(command: ModelCommand, key: Key | undefined, deleted: readonly string[]): ModelReply {
  if (command.do === 'deleteUser') return { ok: true, deletedKeys: [...deleted] };
  return key === undefined ? { ok: true } : { ok: true, record: keyRecord(command.userId, key) };
}

function digestOf(command: ModelCommand): string {
  return JSON.stringify(command);
}

function throughJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
