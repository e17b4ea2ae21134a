import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Secret } from './secret.ts';

/**
 * A key's value, as docs/key-values.md describes it with test vectors:
 *
 *   <prefix>_<43 base62 digits of 256 random bits><6 base62 digits of a CRC-32>
 *
 * The checksum covers the prefix as well, so a value that was cut, mistyped or taken for another prefix's is refused
 * without any lookup. It is no secret and proves nothing else.
 */
export const DEFAULT_KEY_PREFIX = 'lkp';

/** What may be configured as a prefix. */
export const KEY_PREFIX = /^[A-Za-z][A-Za-z0-9]{0,15}$/;

/** Longer values are nobody's: neither this format nor an imported one comes near. */
export const MAX_VALUE_BYTES = 128;

export const ENTROPY_BYTES = 32;

/** @throws RangeError on a prefix that KEY_PREFIX does not accept, or entropy that is not 256 bits. */
export function mintKeyValue(
  prefix: string = DEFAULT_KEY_PREFIX,
  entropy: Uint8Array = randomBytes(ENTROPY_BYTES),
): Secret {
  if (!KEY_PREFIX.test(prefix)) throw new RangeError('A key prefix is 1 to 16 letters and digits, a letter first.');
  if (entropy.length !== ENTROPY_BYTES) throw new RangeError(`A key value is made of ${ENTROPY_BYTES} random bytes.`);
  // One number, so every value is equally likely; digit by digit from bytes would favour some digits.
  const random = base62(BigInt(`0x${Buffer.from(entropy).toString('hex')}`), RANDOM_DIGITS);
  const covered = `${prefix}_${random}`;
  return new Secret(covered + checksum(covered));
}

/**
 * What can be told from the text alone.
 *   own        our prefix and a checksum that holds: to be hashed and looked up, never with PBKDF2;
 *   malformed  our prefix without that, or what can be no key at all (empty, over 128 bytes, anything but visible ASCII):
 *              refused as it is;
 *   foreign    any other: perhaps an imported key, to be hashed and looked up.
 */
export type ValueShape = 'own' | 'malformed' | 'foreign';

export function shapeOf(value: Secret, prefix: string = DEFAULT_KEY_PREFIX): ValueShape {
  const text = value.reveal();
  const isOwnPrefix = text.startsWith(prefix) && text[prefix.length] === '_';
  if (!isOwnPrefix) return text.length <= MAX_VALUE_BYTES && VISIBLE_ASCII.test(text) ? 'foreign' : 'malformed';
  if (!OWN_DIGITS.test(text.slice(prefix.length + 1))) return 'malformed';
  const covered = text.slice(0, -CHECKSUM_DIGITS);
  return text.endsWith(checksum(covered)) ? 'own' : 'malformed';
}

const RANDOM_DIGITS = 43;
const CHECKSUM_DIGITS = 6;
const OWN_DIGITS = new RegExp(`^[0-9A-Za-z]{${RANDOM_DIGITS + CHECKSUM_DIGITS}}$`);
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** In plain numbers, which are many times as fast as BigInt: this runs at every verification. */
function checksum(covered: string): string {
  let text = '';
  for (let rest = crc32(covered), left = CHECKSUM_DIGITS; left > 0; left--) {
    text = ALPHABET.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

/** Most significant digit first, padded on the left with the digit 0. */
function base62(number: bigint, digits: number): string {
  let text = '';
  for (let rest = number; rest > 0n; rest /= 62n) text = ALPHABET.charAt(Number(rest % 62n)) + text;
  return text.padStart(digits, '0');
}
