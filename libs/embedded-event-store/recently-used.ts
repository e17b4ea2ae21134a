/**
 * At most `limit` entries, of which those that were not asked for longest are forgotten. In two halves: a full young one
 * becomes the old one, and what is then asked for becomes young again. One map that deletes its oldest entry would step over
 * all that it has deleted before each time, which was a tenth of the cost of an append.
 */
export class RecentlyUsed<T> {
  private young = new Map<string, T>();
  private old = new Map<string, T>();

  constructor(private readonly limit: number) {}

  get size(): number {
    return this.young.size + this.old.size;
  }

  get(key: string): T | undefined {
    const young = this.young.get(key);
    if (young !== undefined) return young;
    const old = this.old.get(key);
    return old === undefined ? undefined : this.set(key, old);
  }

  set(key: string, value: T): T {
    this.young.set(key, value);
    if (this.young.size > this.limit / 2 - 1) {
      this.old = this.young;
      this.young = new Map();
    }
    return value;
  }

  delete(key: string): void {
    this.young.delete(key);
    this.old.delete(key);
  }
}
