export const INT16 = 2;
export const INT32 = 4;
export const INT64 = 8;

const LOW_BITS = 0x7f;
const MORE_FOLLOW = 0x80;

/** How many bytes an integer of 32 bits takes in the zigzag encoding, as `ProtocolWriter#varint` writes it. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = zigzag(value); rest > LOW_BITS; rest >>>= 7) size += 1;
  return size;
}

function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

/** Fills a buffer of the right size from its beginning, in network byte order. */
export class ProtocolWriter {
  readonly buffer: Buffer;
  offset = 0;

  constructor(size: number) {
    this.buffer = Buffer.allocUnsafe(size);
  }

  int8(value: number): void {
    this.offset = this.buffer.writeInt8(value, this.offset);
  }

  int16(value: number): void {
    this.offset = this.buffer.writeInt16BE(value, this.offset);
  }

  int32(value: number): void {
    this.offset = this.buffer.writeInt32BE(value, this.offset);
  }

  int64(value: bigint): void {
    this.offset = this.buffer.writeBigInt64BE(value, this.offset);
  }

  varint(value: number): void {
    let rest = zigzag(value);
    for (; rest > LOW_BITS; rest >>>= 7) this.buffer[this.offset++] = (rest & LOW_BITS) | MORE_FOLLOW;
    this.buffer[this.offset++] = rest;
  }

  string(text: string): void {
    this.int16(Buffer.byteLength(text));
    this.offset += this.buffer.write(text, this.offset);
  }

  /** Without a length before it. */
  raw(bytes: string | Buffer, length: number): void {
    if (typeof bytes === 'string') this.buffer.write(bytes, this.offset);
    else bytes.copy(this.buffer, this.offset);
    this.offset += length;
  }
}
