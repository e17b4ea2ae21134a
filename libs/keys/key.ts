import { type PersistentMap } from './persistent-map.ts';

/** A living key of a user. */
export interface Key {
  readonly keyId: string;
  readonly label: string;
  readonly description: string | null;
  readonly scopes: readonly string[];
  readonly hash: string;
  readonly mask: string | null;
  readonly createdAt: string;
  readonly lastRolledAt: string | null;
  /** Counts the user's keys from 0 in the order of the log; decides between equal times. */
  readonly nth: number;
}

export function newestFirst(keys: PersistentMap<Key>): Key[] {
  return [...keys.values()].sort(
    (one, other) => Date.parse(other.createdAt) - Date.parse(one.createdAt) || other.nth - one.nth,
  );
}
