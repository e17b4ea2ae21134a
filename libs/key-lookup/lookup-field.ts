const MODERN = 'sha256$';
const MODERN_LENGTH = MODERN.length + 64;
export const DIGEST_BYTES = 32;
const scratch = Buffer.alloc(DIGEST_BYTES);

/**
 * What a hash is stored under: the 32 bytes of a modern one, as a latin1 string (half the memory of its text); a legacy
 * hash as its text, which is longer, so the two never meet.
 */
export function fieldOf(hash: string): string {
  if (hash.length !== MODERN_LENGTH || !hash.startsWith(MODERN)) return hash;
  const written = scratch.write(hash.slice(MODERN.length), 'hex');
  return written === DIGEST_BYTES ? scratch.toString('latin1') : hash;
}

/** Of many at once, for a third of what each costs alone. */
export function fieldsOf(hashes: readonly string[]): string[] {
  const isModern = (hash: string) => hash.length === MODERN_LENGTH && hash.startsWith(MODERN);
  if (!hashes.every(isModern)) return hashes.map(fieldOf);
  const bytes = Buffer.from(hashes.map((hash) => hash.slice(MODERN.length)).join(''), 'hex');
  if (bytes.length !== hashes.length * DIGEST_BYTES) return hashes.map(fieldOf);
  const fields = bytes.toString('latin1');
  return hashes.map((_, nth) => fields.slice(nth * DIGEST_BYTES, (nth + 1) * DIGEST_BYTES));
}

/** Which of `shards` shards holds a field. By its end: a digest is evenly spread everywhere, a legacy hash only there. */
export function shardOf(field: string, shards: number): number {
  if (shards === 1) return 0;
  let sum = 0;
  for (let at = Math.max(0, field.length - 8); at < field.length; at++) sum = Math.imul(sum, 31) + field.charCodeAt(at);
  return (sum >>> 0) % shards;
}
