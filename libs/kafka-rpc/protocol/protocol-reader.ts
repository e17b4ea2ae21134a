const LOW_BITS = 0x7f;
const MORE_FOLLOW = 0x80;

/**
 * Reads what Kafka's protocol is made of, one after the other, in network byte order.
 *
 * @throws {RangeError} beyond the end
 */
export class ProtocolReader {
  readonly #buffer: Buffer;
  #offset = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  int8(): number {
    return this.#buffer.readInt8(this.#forward(1));
  }

  int16(): number {
    return this.#buffer.readInt16BE(this.#forward(2));
  }

  int32(): number {
    return this.#buffer.readInt32BE(this.#forward(4));
  }

  int64(): bigint {
    return this.#buffer.readBigInt64BE(this.#forward(8));
  }

  /** Of 32 bits, in the zigzag encoding. */
  varint(): number {
    let encoded = 0;
    let shift = 0;
    for (;;) {
      const byte = this.#buffer.readUInt8(this.#forward(1));
      encoded |= (byte & LOW_BITS) << shift;
      if (byte < MORE_FOLLOW) return (encoded >>> 1) ^ -(encoded & 1);
      shift += 7;
    }
  }

  /** Of 64 bits. */
  varlong(): bigint {
    let encoded = 0n;
    let shift = 0n;
    for (;;) {
      const byte = this.#buffer.readUInt8(this.#forward(1));
      encoded |= BigInt(byte & LOW_BITS) << shift;
      if (byte < MORE_FOLLOW) return BigInt.asIntN(64, (encoded >> 1n) ^ -(encoded & 1n));
      shift += 7n;
    }
  }

  /** Text after its length in two bytes. */
  string(): string {
    return this.take(this.int16()).toString();
  }

  /** What follows its length, which is a varint; null where that is negative. Not a copy. */
  bytes(): Buffer | null {
    const length = this.varint();
    return length < 0 ? null : this.take(length);
  }

  /** Not a copy. */
  take(length: number): Buffer {
    const start = this.#forward(length);
    if (length < 0 || this.#offset > this.#buffer.length) throw new RangeError('An answer of Kafka ends too early');
    return this.#buffer.subarray(start, this.#offset);
  }

  #forward(length: number): number {
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}
