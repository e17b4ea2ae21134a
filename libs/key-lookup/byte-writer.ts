const DASH = 0x2d;
/** The values of hex digits by their character code; undefined for others. */
const DIGITS: readonly (number | undefined)[] = Array.from({ length: 128 }, (_, code) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(code));
  return value < 0 ? undefined : value;
});

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

  /** Over what is there. */
  byteAt(at: number, value: number): void {
    this.#bytes[at] = value;
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

  /** 16 bytes. @returns false, having written nothing, for what is not a UUID in lower case */
  uuid(value: string): boolean {
    if (value.length !== 36) return false;
    const bytes = this.#room(16);
    let to = this.length;
    for (let at = 0; at < 36; at++) {
      if (at === 8 || at === 13 || at === 18 || at === 23) {
        if (value.charCodeAt(at) !== DASH) return false;
        continue;
      }
      // What is no digit is -1, and so is whatever it is put together with.
      const both = ((DIGITS[value.charCodeAt(at)] ?? -1) << 4) | (DIGITS[value.charCodeAt(++at)] ?? -1);
      if (both < 0) return false;
      bytes[to++] = both;
    }
    this.length = to;
    return true;
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
