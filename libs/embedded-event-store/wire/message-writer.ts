/** Writes a protobuf message of a size that is known before; its generated classes find that out by writing. */
export class MessageWriter {
  readonly bytes: Buffer;

  constructor(
    size: number,
    private at: number,
  ) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  header(tag: number, length: number): void {
    this.bytes[this.at++] = tag;
    this.varint(length);
  }

  /** @returns where the field's content begins */
  field(tag: number, content: Uint8Array): number {
    this.header(tag, content.length);
    const begin = this.at;
    this.bytes.set(content, begin);
    this.at += content.length;
    return begin;
  }

  /** @param ascii one byte a character */
  text(tag: number, ascii: string): void {
    this.header(tag, ascii.length);
    this.at += this.bytes.write(ascii, this.at, 'latin1');
  }

  number(tag: number, value: number | bigint): void {
    this.bytes[this.at++] = tag;
    if (typeof value === 'number' || value <= Number.MAX_SAFE_INTEGER) this.varint(Number(value));
    else this.bigVarint(value);
  }

  private varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.at++] = rest;
  }

  private bigVarint(value: bigint): void {
    let rest = value;
    while (rest > 0x7fn) {
      this.bytes[this.at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.bytes[this.at++] = Number(rest);
  }
}

/** Of a field with a tag of one byte. */
export function lengthDelimitedSize(length: number): number {
  return 1 + varintSize(length) + length;
}

export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** Only a tombstone's is more than a number holds. */
export function bigVarintSize(value: bigint): number {
  return value <= Number.MAX_SAFE_INTEGER ? varintSize(Number(value)) : Math.ceil(value.toString(2).length / 7);
}
