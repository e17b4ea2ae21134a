import { type StoredKeyEvent } from '#keys/events';
import { projectKey, type KeyOwner, type LookupChange, type LookupEntry } from '#keys/project-key';

/** The lookup's rules of ownership in the plainest form: one map, one change after the other. */
export class OwnedEntries {
  readonly entries = new Map<string, LookupEntry>();
  /** Living legacy hashes by parameter set, as the events count them. */
  readonly legacy = new Map<string, number>();
  /** Who brought each hash first. */
  readonly firstOwners = new Map<string, KeyOwner>();
  /** Changes that were not the entry's owner's. */
  refused = 0;

  static of(log: readonly StoredKeyEvent[]): OwnedEntries {
    const owned = new OwnedEntries();
    for (const { event } of log) for (const change of projectKey(event)) owned.apply(change);
    return owned;
  }

  /** By hash. */
  sorted(): (LookupEntry & { hash: string })[] {
    return [...this.entries]
      .map(([hash, entry]) => ({ hash, ...entry }))
      .sort((one, other) => (one.hash < other.hash ? -1 : 1));
  }

  apply(change: LookupChange): void {
    if ('put' in change) {
      this.#count(change.legacy, 1);
      if (!this.firstOwners.has(change.put)) this.firstOwners.set(change.put, change.entry);
      if (this.#ownedBy(change.put, change.entry) ?? true) this.entries.set(change.put, change.entry);
      else this.refused++;
    } else if ('replace' in change) {
      if (this.#ownedBy(change.replace, change.entry)) this.entries.set(change.replace, change.entry);
      else this.refused++;
    } else {
      this.#count(change.legacy, -1);
      if (this.#ownedBy(change.remove, change.owner)) this.entries.delete(change.remove);
      else this.refused++;
    }
  }

  #ownedBy(hash: string, { userId, keyId }: KeyOwner): boolean | undefined {
    const entry = this.entries.get(hash);
    return entry === undefined ? undefined : entry.userId === userId && entry.keyId === keyId;
  }

  #count(set: string | undefined, by: number): void {
    if (set !== undefined) this.legacy.set(set, (this.legacy.get(set) ?? 0) + by);
  }
}
