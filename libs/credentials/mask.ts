import { type Secret } from './secret.ts';

/** Shorter values would show too much of themselves. */
const MIN_MASKABLE_LENGTH = 16;

/**
 * What people recognise a value by after it has been shown once: its first four characters, `...`, and its last four.
 * @throws RangeError on a value of fewer than 16 characters, which no minted value is.
 */
export function maskOf(value: Secret): string {
  const text = value.reveal();
  if (text.length < MIN_MASKABLE_LENGTH) throw new RangeError('The value is too short to show eight characters of it.');
  return `${text.slice(0, 4)}...${text.slice(-4)}`;
}
