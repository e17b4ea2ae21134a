import { type StoredKeyEvent } from './events.ts';
import { newestFirst, type Key } from './key.ts';
import { type PersistentMap } from './persistent-map.ts';

/**
 * The memory of what was commanded is the stream itself: EventStoreDB recognises a repeated append only at its original
 * revision, so a retry that comes after other events is recognised here. An entry is two small values and pointers into
 * states that were there anyway.
 */
export interface RememberedCommand {
  readonly digest: string;
  /** Of the command's last event. */
  readonly position: bigint;
  /** The key as the command left it; undefined after a deletion. */
  readonly key: Key | undefined;
  /** The keys that went with the user, where the command was the user's deletion. */
  readonly deleted: PersistentMap<Key> | undefined;
}

export type Remembered =
  | {
      readonly outcome: 'same';
      readonly position: bigint;
      readonly key: Key | undefined;
      /** Ids of the keys that went with the user, newest first; empty for every command but the user's deletion. */
      readonly deletedKeys: readonly string[];
    }
  /** The id was used before with another payload: CONFLICT. */
  | { readonly outcome: 'different' };

/**
 * Asked before anything is decided. `digest` is of the command's name and payload. Undefined: the command has changed
 * nothing yet (it is new, it was refused, or it found nothing to change; the last two are not remembered).
 */
export function rememberedCommand(
  user: { readonly commands: PersistentMap<RememberedCommand> },
  commandId: string,
  digest: string,
): Remembered | undefined {
  const command = user.commands.get(commandId);
  if (command === undefined) return undefined;
  if (command.digest !== digest) return { outcome: 'different' };
  const { position, key, deleted } = command;
  return {
    outcome: 'same',
    position,
    key,
    deletedKeys: deleted === undefined ? [] : newestFirst(deleted).map(({ keyId }) => keyId),
  };
}

/** A later event of the same command takes the place of an earlier one. */
export function rememberCommand(
  commands: PersistentMap<RememberedCommand>,
  { commandId, digest, position }: StoredKeyEvent,
  { key, deleted }: Pick<RememberedCommand, 'key' | 'deleted'>,
): PersistentMap<RememberedCommand> {
  if (commandId === undefined || digest === undefined) return commands;
  const first = commands.get(commandId);
  if (first !== undefined && first.digest !== digest) return commands;
  return commands.set(commandId, { digest, position, key, deleted });
}
