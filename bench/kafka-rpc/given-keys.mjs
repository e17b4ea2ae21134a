import { createHash } from 'node:crypto';

export const KEYS = 100_000;
/** One request in this many asks for a hash that nobody has: a verdict that was mixed up with another shows. */
const UNKNOWN_EVERY = 10;
/** Known and unknown hashes, computed before any clock runs: hashing is not what is measured. */
const POOL = 20_000;

export function entryNo(number) {
  return { userId: `user-${Math.floor(number / 10)}`, keyId: keyIdNo(number), scopes: ['insight:read', 'person:read'] };
}

export function hashNo(number) {
  return `sha256$${createHash('sha256').update(`bench key ${number}`).digest('hex')}`;
}

/** What to ask, and what must come back: `keyId` undefined means that the hash is unknown. */
export function questions() {
  return Array.from({ length: POOL }, (_, nth) => {
    const known = nth % UNKNOWN_EVERY !== 0;
    const number = known ? Math.floor((nth / POOL) * KEYS) : KEYS + nth;
    return { hash: hashNo(number), keyId: known ? keyIdNo(number) : undefined };
  });
}

function keyIdNo(number) {
  return `key-${number}`;
}
