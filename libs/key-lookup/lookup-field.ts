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

/** Which of `shards` shards holds a field. By its end: a digest is evenly spread everywhere, a legacy hash only there. */
export function shardOf(field: string, shards: number): number {
  if (shards === 1) return 0;
  let sum = 0;
  for (let at = Math.max(0, field.length - 8); at < field.length; at++) sum = Math.imul(sum, 31) + field.charCodeAt(at);
  return (sum >>> 0) % shards;
}
