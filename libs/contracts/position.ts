import { z } from 'zod';

/**
 * A place in the log: EventStoreDB's commit position. A decimal string on the wire (JSON numbers lose it beyond 2^53),
 * a bigint in the code. Sentinels that EventStoreDB uses for "none" or "the end" (2^63-1, 2^64-1, negatives) are refused:
 * compared as positions they would be later than everything.
 */
const MAX_POSITION = 2n ** 63n - 2n;

export function isPosition(value: bigint): boolean {
  return value >= 0n && value <= MAX_POSITION;
}

export const positionSchema = z
  .string()
  .regex(/^(?:0|[1-9][0-9]{0,18})$/, 'must be a decimal position')
  .refine((text) => !/^[0-9]{19}$/.test(text) || isPosition(BigInt(text)), 'must be a position in the log');

/** All but those that have the full 19 digits, which want a closer look. */
export function isShortPosition(text: unknown): boolean {
  return typeof text === 'string' && /^(?:0|[1-9][0-9]{0,17})$/.test(text);
}
