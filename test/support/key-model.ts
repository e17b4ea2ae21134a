/**
 * What keys are to their users, written as plainly as possible and without the code under test: lists that are searched
 * from one end to the other. What the services answer is compared with what this answers.
 */
export class KeyModel {
  readonly #users: ModelUser[] = [];

  /**
   * `at`: ISO 8601 in UTC. `firstSeenHash`: for a roll that read the key before others came between. `changed`: whether
   * anything had to happen.
   */
  execute(command: ModelCommand, at: string, firstSeenHash?: string): { reply: ModelReply; changed: boolean } {
    const user = this.#user(command.userId);
    const payload = JSON.stringify(command);
    const before = user.done.find(({ commandId }) => commandId === command.commandId);
    if (before !== undefined) {
      const reply = before.payload === payload ? before.reply : { ok: false as const, code: 'CONFLICT' };
      return { reply: structuredClone(reply), changed: false };
    }
    const { reply, changed } = perform(user, command, at, firstSeenHash);
    // Only what changed something is remembered.
    if (changed) user.done.push({ commandId: command.commandId, payload, reply: structuredClone(reply) });
    return { reply: structuredClone(reply), changed };
  }

  /** A key that comes from elsewhere: nothing is asked, and the limit does not hold. */
  import({ hash, ...key }: ModelImport): void {
    const user = this.#user(key.userId);
    const legacy = hash.startsWith('pbkdf2_sha256$');
    user.keys.push({ hash, record: { ...key, description: null, mask: null, lastRolledAt: null, legacy } });
    user.usedKeyIds.push(key.keyId);
    user.usedHashes.push(hash);
  }

  /** Newest first. */
  records(userId: string): ModelRecord[] {
    return structuredClone(newestFirst(this.#user(userId).keys).map(({ record }) => record));
  }

  isDeleted(userId: string): boolean {
    return this.#user(userId).deletedKeys !== undefined;
  }

  /** The hashes that verify, with whose they are and what for; by hash. */
  living(): { hash: string; userId: string; keyId: string; scopes: string[] }[] {
    return this.#users
      .flatMap((user) =>
        user.keys.map(({ hash, record: { userId, keyId, scopes } }) => ({ hash, userId, keyId, scopes: [...scopes] })),
      )
      .sort((one, other) => (one.hash < other.hash ? -1 : 1));
  }

  #user(userId: string): ModelUser {
    let user = this.#users.find((each) => each.userId === userId);
    if (user === undefined) {
      user = { userId, keys: [], usedKeyIds: [], usedHashes: [], deletedKeys: undefined, done: [] };
      this.#users.push(user);
    }
    return user;
  }
}

/** What may be given to keys. */
export const GRANTABLE_SCOPES = ['*', 'insight:read', 'insight:write', 'action:read'];

/** `commandId`: one per intent, kept over retries. */
export type ModelCommand = ModelIntent & { commandId: string };

export type ModelIntent = { userId: string } & (
  | {
      do: 'createKey';
      keyId: string;
      label: string;
      description?: string | null | undefined;
      scopes: string[];
      hash: string;
      mask: string;
    }
  | { do: 'rollKey'; keyId: string; hash: string; mask: string }
  | {
      do: 'changeKey';
      keyId: string;
      label?: string | undefined;
      description?: string | null | undefined;
      scopes?: string[] | undefined;
    }
  | { do: 'deleteKey'; keyId: string }
  | { do: 'deleteUser' }
);

export interface ModelImport {
  userId: string;
  keyId: string;
  label: string;
  scopes: string[];
  hash: string;
  createdAt: string;
}

export type ModelReply = { ok: true; record?: ModelRecord; deletedKeys?: string[] } | { ok: false; code: string };

export interface ModelRecord {
  keyId: string;
  userId: string;
  label: string;
  description: string | null;
  scopes: string[];
  mask: string | null;
  createdAt: string;
  lastRolledAt: string | null;
  legacy: boolean;
}

interface ModelUser {
  userId: string;
  /** Oldest first. */
  keys: { hash: string; record: ModelRecord }[];
  usedKeyIds: string[];
  usedHashes: string[];
  /** Set by the user's deletion. */
  deletedKeys: string[] | undefined;
  done: { commandId: string; payload: string; reply: ModelReply }[];
}

interface Performed {
  reply: ModelReply;
  changed: boolean;
}

function perform(user: ModelUser, command: ModelCommand, at: string, firstSeenHash?: string): Performed {
  if (command.do === 'deleteUser') return deleteUser(user);
  if (user.deletedKeys !== undefined) return refused('USER_DELETED');
  if (command.do === 'createKey') return createKey(user, command, at);

  const key = user.keys.find(({ record }) => record.keyId === command.keyId);
  if (key === undefined) return refused('KEY_NOT_FOUND');
  if (command.do === 'deleteKey') {
    user.keys = user.keys.filter((each) => each !== key);
    return { reply: { ok: true }, changed: true };
  }
  const before = JSON.stringify(key);
  if (command.do === 'rollKey') {
    if (firstSeenHash !== undefined && firstSeenHash !== key.hash) return refused('CONFLICT');
    if (user.usedHashes.includes(command.hash)) return refused('HASH_REUSED');
    user.usedHashes.push(command.hash);
    key.hash = command.hash;
    key.record.mask = command.mask;
    key.record.lastRolledAt = at;
    key.record.legacy = false;
  } else {
    const added = command.scopes?.filter((scope) => !key.record.scopes.includes(scope)) ?? [];
    if (!added.every(isGrantable)) return refused('INVALID_SCOPE');
    if (command.label !== undefined) key.record.label = command.label;
    if (command.description !== undefined) key.record.description = noneIfEmpty(command.description);
    if (command.scopes !== undefined && sorted(command.scopes) !== sorted(key.record.scopes)) {
      key.record.scopes = withoutRepetition(command.scopes);
    }
  }
  return { reply: { ok: true, record: key.record }, changed: JSON.stringify(key) !== before };
}

function createKey(user: ModelUser, command: Extract<ModelCommand, { do: 'createKey' }>, at: string): Performed {
  const { keyId, label, scopes, hash, mask } = command;
  if (!scopes.every(isGrantable)) return refused('INVALID_SCOPE');
  if (user.usedKeyIds.includes(keyId)) return refused('KEY_ID_REUSED');
  if (user.usedHashes.includes(hash)) return refused('HASH_REUSED');
  if (user.keys.length >= 10) return refused('KEY_LIMIT_REACHED');
  const record: ModelRecord = {
    keyId,
    userId: user.userId,
    label,
    description: noneIfEmpty(command.description),
    scopes: withoutRepetition(scopes),
    mask,
    createdAt: at,
    lastRolledAt: null,
    legacy: false,
  };
  user.keys.push({ hash, record });
  user.usedKeyIds.push(keyId);
  user.usedHashes.push(hash);
  return { reply: { ok: true, record }, changed: true };
}

function deleteUser(user: ModelUser): Performed {
  const changed = user.deletedKeys === undefined;
  user.deletedKeys ??= newestFirst(user.keys).map(({ record }) => record.keyId);
  user.keys = [];
  return { reply: { ok: true, deletedKeys: user.deletedKeys }, changed };
}

function isGrantable(scope: string): boolean {
  return GRANTABLE_SCOPES.includes(scope);
}

function refused(code: string): Performed {
  return { reply: { ok: false, code }, changed: false };
}

function newestFirst(keys: ModelUser['keys']): ModelUser['keys'] {
  const time = (key: ModelUser['keys'][number]) => Date.parse(key.record.createdAt);
  return keys.toReversed().sort((one, other) => time(other) - time(one));
}

function noneIfEmpty(description: string | null | undefined): string | null {
  return description === '' || description === undefined ? null : description;
}

function withoutRepetition(scopes: string[]): string[] {
  return scopes.filter((scope, index) => scopes.indexOf(scope) === index);
}

function sorted(scopes: string[]): string {
  return withoutRepetition(scopes).sort().join(' ');
}
