import { type KeyEvent, type StoredKeyEvent } from './events.ts';
import { newestFirst, type Key } from './key.ts';
import { PersistentMap } from './persistent-map.ts';
import { rememberCommand, type RememberedCommand } from './remembered-commands.ts';

/** What has happened to one user, folded from the stream `userKeys-<userId>`. Never changed in place. */
export interface UserKeys {
  /** The living ones, by keyId. An import may have brought more than can be created. */
  readonly keys: PersistentMap<Key>;
  /** Every keyId and every hash that the stream has ever seen: none may be used again. */
  readonly seenKeyIds: PersistentMap<true>;
  readonly seenHashes: PersistentMap<true>;
  readonly commands: PersistentMap<RememberedCommand>;
  /** Set once the user is deleted; nothing happens after that. */
  readonly deletion: UserDeletion | undefined;
}

export interface UserDeletion {
  /** The keys that lived then, which went with the user. */
  readonly keys: PersistentMap<Key>;
  /** Of the deletion's last event; undefined for a tombstone. */
  readonly position: bigint | undefined;
}

/** A user never seen. */
export function noKeys(): UserKeys {
  return {
    keys: PersistentMap.empty(),
    seenKeyIds: PersistentMap.empty(),
    seenHashes: PersistentMap.empty(),
    commands: PersistentMap.empty(),
    deletion: undefined,
  };
}

/** A user whose stream is tombstoned: deleted, and the log holds no more than that. */
export function tombstonedUser(): UserKeys {
  return { ...noKeys(), deletion: { keys: PersistentMap.empty(), position: undefined } };
}

/** Folds one event into the state, at a cost that does not grow with what it remembers. Never throws on any sequence. */
export function evolve(user: UserKeys, stored: StoredKeyEvent): UserKeys {
  const { event, position } = stored;
  const { keys, seenKeyIds, seenHashes, deletion: deleted } = apply(user, event, position);
  const deletion = deleted && { ...deleted, position };
  const commands = rememberCommand(user.commands, stored, {
    key: event.type === 'UserDeleted' ? undefined : keys.get(event.data.keyId),
    // Nothing but the deletion itself follows a deletion.
    deleted: deletion?.keys,
  });
  return { keys, seenKeyIds, seenHashes, commands, deletion };
}

export function getKey(user: UserKeys, keyId: string): Key | undefined {
  return user.keys.get(keyId);
}

/** Newest first. */
export function listKeys(user: UserKeys): Key[] {
  return newestFirst(user.keys);
}

/** The ids of the keys that went with a deleted user, newest first. */
export function deletedKeys(user: UserKeys): string[] {
  return user.deletion === undefined ? [] : newestFirst(user.deletion.keys).map(({ keyId }) => keyId);
}

function apply(user: UserKeys, event: KeyEvent, position: bigint): UserKeys {
  switch (event.type) {
    case 'KeyCreated': {
      const { keyId, label, description, scopes, hash, mask, at } = event.data;
      const nth = user.seenKeyIds.size;
      const key = { keyId, label, description, scopes, hash, mask, createdAt: at, lastRolledAt: null, nth };
      return {
        ...user,
        keys: user.keys.set(keyId, key),
        seenKeyIds: user.seenKeyIds.set(keyId, true),
        seenHashes: user.seenHashes.set(hash, true),
      };
    }
    case 'KeyRolled': {
      const { keyId, newHash, mask, at } = event.data;
      const keys = changed(user.keys, keyId, (key) => ({ ...key, hash: newHash, mask, lastRolledAt: at }));
      return { ...user, keys, seenHashes: user.seenHashes.set(newHash, true) };
    }
    case 'ScopesChanged': {
      const { keyId, scopes } = event.data;
      return { ...user, keys: changed(user.keys, keyId, (key) => ({ ...key, scopes })) };
    }
    case 'KeyRelabelled': {
      const { keyId, label, description } = event.data;
      return { ...user, keys: changed(user.keys, keyId, (key) => ({ ...key, label, description })) };
    }
    case 'KeyDeleted':
      return { ...user, keys: user.keys.delete(event.data.keyId) };
    case 'UserDeleted':
      return user.deletion === undefined ? { ...user, deletion: { keys: user.keys, position } } : user;
  }
}

function changed(keys: PersistentMap<Key>, keyId: string, change: (key: Key) => Key): PersistentMap<Key> {
  const key = keys.get(keyId);
  return key === undefined ? keys : keys.set(keyId, change(key));
}
