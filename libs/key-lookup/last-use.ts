import { type KeyOwner } from '#keys/project-key';

/**
 * When keys were last used, for the people who own them. No fact and no part of the lookup: what is lost of it costs
 * nobody anything, and no verdict ever waits for it or depends on it.
 */
export interface LastUse {
  /**
   * These keys have just been accepted. Never throws and never waits; what can't be written is lost.
   * @param atMs Unix ms. Written at most hourly per key, see `isWorthWriting`
   */
  note(keys: readonly KeyOwner[], atMs: number): void;

  /**
   * One time per key, in order: Unix ms; undefined where no use is known.
   * @throws LookupUnavailable when the store can't be asked
   */
  read(keys: readonly KeyOwner[]): Promise<readonly (number | undefined)[]>;
}

/** For the projector, which alone hears of every end of a key: otherwise the store would grow without end. */
export interface LastUseRemoval {
  /**
   * These keys are no more. Never throws and never waits; what can't be removed stays. A use that is noted after it, by a
   * process that has not yet heard, is written once more, and stays.
   */
  forget(keys: readonly KeyOwner[]): void;
}

/** PostHog's rule: more than an hour after what is known already. A clock that was set back writes nothing. */
export function isWorthWriting(knownMs: number | undefined, atMs: number): boolean {
  return knownMs === undefined || atMs - knownMs > 60 * 60 * 1000;
}

/** The name that a key's last use is kept under. No id of a key holds a slash, so no two keys share one. */
export function lastUseField({ userId, keyId }: KeyOwner): string {
  return `${userId}/${keyId}`;
}

/** Some 150 bytes each. */
const MAX_KEYS = 1_000_000;

/** Within one process, and no longer than it lives: a key that was not used since the start has no known use. */
export class MemoryLastUse implements LastUse, LastUseRemoval {
  readonly #times = new Map<string, number>();

  /** @param maxKeys beyond which those go that were written longest ago */
  constructor(private readonly maxKeys = MAX_KEYS) {}

  note(keys: readonly KeyOwner[], atMs: number): void {
    for (const key of keys) {
      const field = lastUseField(key);
      if (isWorthWriting(this.#times.get(field), atMs)) this.#write(field, atMs);
    }
  }

  forget(keys: readonly KeyOwner[]): void {
    for (const key of keys) this.#times.delete(lastUseField(key));
  }

  read(keys: readonly KeyOwner[]): Promise<readonly (number | undefined)[]> {
    return Promise.resolve(keys.map((key) => this.#times.get(lastUseField(key))));
  }

  #write(field: string, atMs: number): void {
    this.#times.delete(field);
    this.#times.set(field, atMs);
    if (this.#times.size <= this.maxKeys) return;
    const oldest = this.#times.keys().next();
    if (oldest.done !== true) this.#times.delete(oldest.value);
  }
}
