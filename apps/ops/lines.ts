/** One line of a source, without its end. */
export interface Line {
  /** From 1. */
  readonly no: number;
  /** Undefined: it is longer than allowed, or no UTF-8. */
  readonly text: string | undefined;
  /** Bytes of the source up to the end of this line. */
  readonly endsAt: number;
}

/** Far more than a row with the most scopes that a key can have. */
export const MAX_LINE_BYTES = 64 * 1024;

const NEWLINE = 0x0a;

/** Holds one line at a time, however long the source is and whatever is in it; of an overlong line not even that. */
export async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Line, void, void> {
  const line = new LineBuffer();
  let no = 0;
  let read = 0;
  for await (const chunk of source) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      line.add(chunk.subarray(from, end));
      from = end + 1;
      yield { no: ++no, text: line.take(), endsAt: read + from };
    }
    line.add(chunk.subarray(from));
    read += chunk.length;
  }
  if (!line.isEmpty) yield { no: no + 1, text: line.take(), endsAt: read };
}

class LineBuffer {
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true });

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  add(part: Uint8Array): void {
    if (part.length === 0) return;
    this.#bytes += part.length;
    if (this.#bytes <= MAX_LINE_BYTES) this.#parts.push(part);
    else this.#parts.length = 0;
  }

  take(): string | undefined {
    const isOverlong = this.#bytes > MAX_LINE_BYTES;
    const bytes = Buffer.concat(this.#parts.splice(0));
    this.#bytes = 0;
    if (isOverlong) return undefined;
    try {
      return this.#utf8.decode(bytes).replace(/\r$/, '');
    } catch {
      return undefined;
    }
  }
}
