import { keyedHash } from '#keys/keyed-hash';

/** Four words of 32 bits each, of which one in two is used at most: up to 32 bytes per row. */
const WORDS = 4;
const FIRST_SLOTS = 1 << 12;
/** 128 MB for four million rows. */
const MAX_SLOTS = 1 << 23;

/**
 * Which line brought a hash first, and whose it is, in a few bytes each, so that two users with one hash are told without
 * keeping a million hashes. Two hashes are taken for one with a probability of n² / 2⁶⁵; that costs a wrong note, no more.
 */
export class SeenHashes {
  #slots = new Uint32Array(FIRST_SLOTS * WORDS);
  #rows = 0;

  constructor(private readonly maxSlots = MAX_SLOTS) {}

  /** Whether it has forgotten none so far. */
  get isComplete(): boolean {
    return this.#rows * 2 < this.maxSlots;
  }

  /** Notes the line, or answers with the one that brought the hash for another user before. */
  note(hash: string, userId: string, line: number): number | undefined {
    if (this.#rows * 2 >= this.#slots.length / WORDS && this.isComplete) this.#grow();
    const owner = keyedHash(userId);
    // Twice the same function over different texts: 64 bits.
    const [low, high] = [keyedHash(hash), keyedHash(`${hash}.`)];
    const at = this.#find(low, high);
    if (this.#slots[at + 3] === 0) {
      if (!this.isComplete) return undefined;
      this.#slots.set([low, high, owner, line], at);
      this.#rows += 1;
      return undefined;
    }
    return this.#slots[at + 2] === owner ? undefined : this.#slots[at + 3];
  }

  /** Of the slot that holds the hash, or that would. One that is free has no line. */
  #find(low: number, high: number): number {
    const mask = this.#slots.length / WORDS - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const at = slot * WORDS;
      if (this.#slots[at + 3] === 0) return at;
      if (this.#slots[at] === low && this.#slots[at + 1] === high) return at;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at + 3] === 0) continue;
      const row = old.subarray(at, at + WORDS);
      const [low = 0, high = 0] = row;
      this.#slots.set(row, this.#find(low, high));
    }
  }
}
