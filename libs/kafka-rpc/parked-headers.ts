import { type IHeaders } from 'kafkajs';

/**
 * A record's headers as kafkajs can write them again. It reads what it can't write: a null for a value, which Kafka allows,
 * and for a name that every object knows (`constructor`) a function before the bytes.
 */
export function writableHeaders(read: IHeaders): IHeaders {
  return Object.fromEntries(Object.entries(read).map(([name, value]) => [name, writable(value)]));
}

/** A null is parked as no bytes. */
function writable(value: unknown): Buffer | Buffer[] {
  if (Array.isArray(value)) return value.filter((one) => Buffer.isBuffer(one));
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}
