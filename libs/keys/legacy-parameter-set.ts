const LEGACY = /^(pbkdf2_sha256\$[0-9]+\$[^$]+)\$[^$]+$/;

/**
 * A legacy hash names how it was made: `pbkdf2_sha256$260000$<salt>$<digest>` belongs to the parameter set
 * `pbkdf2_sha256$260000$<salt>`. Undefined for a modern hash.
 */
export function legacyParameterSet(hash: string): string | undefined {
  return LEGACY.exec(hash)?.[1];
}
