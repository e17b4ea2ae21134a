import { hash } from 'node:crypto';

// Keys of the log's databases: fixed in size, and in the order of their bytes.

const NUMBER_BYTES = 8;

export const HIGHEST_REVISION = 2n ** 64n - 1n;

/** Names are hashed because LMDB's keys are bounded and EventStoreDB's names are not. */
export function nameKey(name: string): Buffer {
  return hash('sha256', name, 'buffer');
}

export function positionKey(position: number): Buffer {
  const key = Buffer.allocUnsafe(NUMBER_BYTES);
  key.writeBigUInt64BE(BigInt(position));
  return key;
}

export function streamKey(streamNumber: number, revision: bigint): Buffer {
  const key = Buffer.allocUnsafe(2 * NUMBER_BYTES);
  key.writeBigUInt64BE(BigInt(streamNumber));
  key.writeBigUInt64BE(revision, NUMBER_BYTES);
  return key;
}

/** The first number of a key: a position, or a stream's number. */
export function positionIn(key: Buffer): number {
  return Number(key.readBigUInt64BE());
}

export function revisionIn(key: Buffer): bigint {
  return key.readBigUInt64BE(NUMBER_BYTES);
}
