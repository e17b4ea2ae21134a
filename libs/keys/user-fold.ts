import { parseKeyEvent } from './parse-key-event.ts';
import { evolve, noKeys, type UserKeys } from './user-keys.ts';

export function userStream(userId: string): string {
  return `userKeys-${userId}`;
}

/** A user's stream as far as this version understands it. */
export interface ReadUser {
  readonly user: UserKeys;
  /** An event of ours that this version can't read: what is decided without it could undo a deletion. */
  readonly isPartial: boolean;
  /** Stored events of types that are not ours. */
  readonly skipped: number;
}

/** What is read of a stored event. */
export interface StoredEvent {
  readonly type: string;
  readonly data: unknown;
  readonly metadata: unknown;
  readonly position: { readonly commit: bigint };
}

/** Folds what a store holds of a user, for whoever decides on it. Never throws. */
export const userFold = {
  initial: (): ReadUser => ({ user: noKeys(), isPartial: false, skipped: 0 }),
  evolve(read: ReadUser, { type, data, metadata, position }: StoredEvent): ReadUser {
    const parsed = parseKeyEvent(type, data, metadata);
    if (parsed.outcome === 'event')
      return { ...read, user: evolve(read.user, { ...parsed, position: position.commit }) };
    return parsed.reason === 'type' ? { ...read, skipped: read.skipped + 1 } : { ...read, isPartial: true };
  },
};
