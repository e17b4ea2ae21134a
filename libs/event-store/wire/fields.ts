import type protobuf from 'protobufjs/minimal.js';

/** Of protobuf messages. What it gives is checked against the ends of the messages by `endOf` and `ended`. */
export type Reader = protobuf.Reader;

/** Where the message that begins here ends. It can't end behind the one that it lies in. */
export function endOf(reader: Reader, outer: number): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > outer) throw new RangeError('A message ends behind the one that it lies in.');
  return end;
}

export function ended(reader: Reader, end: number): void {
  if (reader.pos !== end) throw new RangeError('A field ends behind the message that it lies in.');
}

/** 64 bits, unsigned. */
export function bigint(value: ReturnType<Reader['uint64']> | number): bigint {
  if (typeof value === 'number') return BigInt(value);
  const { high, low } = value;
  // Up to 2^53 a number holds them, which is cheaper.
  if (high >= 0 && high < 0x20_0000) return BigInt(high * 0x1_0000_0000 + (low >>> 0));
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

// Tags of shared.proto: UUID and UUID.Structured.
const UUID_STRUCTURED = 0x0a;
const UUID_TEXT = 0x12;
const MOST_SIGNIFICANT = 0x08;
const LEAST_SIGNIFICANT = 0x10;

/** As text, or as two halves: the server chooses where it wasn't asked. */
export function uuid(reader: Reader, end: number): string {
  let text = '';
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === UUID_TEXT) text = reader.string();
    else if (tag === UUID_STRUCTURED) text = structuredUuid(reader, endOf(reader, end));
    else reader.skipType(tag & 7);
  }
  ended(reader, end);
  return text;
}

function structuredUuid(reader: Reader, end: number): string {
  let most = 0n;
  let least = 0n;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === MOST_SIGNIFICANT) most = bigint(reader.uint64());
    else if (tag === LEAST_SIGNIFICANT) least = bigint(reader.uint64());
    else reader.skipType(tag & 7);
  }
  ended(reader, end);
  const hex = ((most << 64n) | least).toString(16).padStart(32, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
