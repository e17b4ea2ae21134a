import { createHash } from 'node:crypto';
import { type LookupEntry } from '#keys/project-key';

/**
 * A fingerprint of a generation that depends on what is in it, not on the order of writing or on the shards: the XOR of
 * each record's SHA-256. Every field must be added once (a repeated one would cancel itself).
 */
export class GenerationDigest {
  readonly #sum = Buffer.alloc(32);
  readonly #legacy = new Set<string>();

  add(field: string, entry: LookupEntry): void {
    this.#mix(JSON.stringify([field, entry.userId, entry.keyId, [...entry.scopes].sort()]));
  }

  /** One shard's counts. Every shard counts all legacy keys, so shards that agree add nothing more. */
  addLegacy(counts: ReadonlyMap<string, number>): void {
    this.#legacy.add(JSON.stringify([...counts].sort(([a], [b]) => (a < b ? -1 : 1))));
  }

  /** 64 hex digits. */
  value(): string {
    const whole = createHash('sha256').update(this.#sum);
    for (const counts of [...this.#legacy].sort()) whole.update(counts);
    return whole.digest('hex');
  }

  #mix(record: string): void {
    const hash = createHash('sha256').update(record).digest();
    for (let at = 0; at < hash.length; at++) this.#sum[at] = (this.#sum[at] ?? 0) ^ (hash[at] ?? 0);
  }
}
