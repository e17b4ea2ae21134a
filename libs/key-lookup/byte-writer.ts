/** Bytes that grow as they are written; integers are little-endian. `take` gives what is there and begins anew. */
export class ByteWriter {
  #bytes: Buffer;
  length = 0;

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  byte(value: number): void {
    this.#room(1)[this.length++] = value;
  }

  uint16(value: number): void {
    this.length = this.#room(2).writeUInt16LE(value, this.length);
  }

  /** Over what is there. */
  uint16At(at: number, value: number): void {
    this.#bytes.writeUInt16LE(value, at);
  }

  /** LEB128. */
  varint(value: number): void {
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) this.byte((rest & 0x7f) | 0x80);
    this.byte(rest);
  }

  /** One byte for each character, which must be below 256. */
  latin1(value: string): void {
    this.length += this.#room(value.length).write(value, this.length, 'latin1');
  }

  /** Its length in bytes as a varint, then UTF-8. */
  text(value: string): void {
    const bytes = Buffer.byteLength(value);
    this.varint(bytes);
    this.length += this.#room(bytes).write(value, this.length);
  }

  hex(value: string): void {
    this.length += this.#room(value.length / 2).write(value, this.length, 'hex');
  }

  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.length));
    this.length = 0;
    return taken;
  }

  #room(bytes: number): Buffer {
    const wanted = this.length + bytes;
    if (wanted > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, wanted));
      this.#bytes.copy(larger, 0, 0, this.length);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}
