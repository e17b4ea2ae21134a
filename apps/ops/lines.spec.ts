import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type Line, linesOf, MAX_LINE_BYTES } from './lines.ts';

async function read(...chunks: Uint8Array[]): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const line of linesOf(
    (async function* () {
      for (const chunk of chunks) yield await Promise.resolve(chunk);
    })(),
  ))
    lines.push(line);
  return lines;
}

const textsOf = (lines: Line[]) => lines.map(({ text }) => text);

describe('the lines of a source', () => {
  it('are the same however the source is cut', async () => {
    const sources = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\n', '\r\n', ' ') }));
    await fc.assert(
      fc.asyncProperty(sources, fc.array(fc.nat(7), { minLength: 1 }), async (parts, cuts) => {
        const text = parts.join('\n');
        const bytes = Buffer.from(text);
        const chunks: Buffer[] = [];
        for (let from = 0, n = 0; from < bytes.length; n += 1) {
          const end = from + cuts[n % cuts.length]! + 1;
          chunks.push(bytes.subarray(from, end));
          from = end;
        }
        const expected = text.split('\n').map((line) => line.replace(/\r$/, ''));
        if (text === '' || text.endsWith('\n')) expected.pop();
        const lines = await read(...chunks);
        expect(textsOf(lines)).toEqual(expected);
        expect(lines.map(({ no }) => no)).toEqual(expected.map((_, index) => index + 1));
        expect(lines.at(-1)?.endsAt ?? 0).toBe(bytes.length);
      }),
    );
  });

  it('lose a byte order mark, which editors put before the first', async () => {
    expect(textsOf(await read(Buffer.from('\ufeff{}\n')))).toEqual(['{}']);
  });

  it('have no text where they are no UTF-8, and the next one has', async () => {
    expect(textsOf(await read(Buffer.from([0xff, 0x0a, 0x61])))).toEqual([undefined, 'a']);
  });

  it('have no text where they are too long, and the next one has', async () => {
    const most = Buffer.alloc(MAX_LINE_BYTES, 'x');
    const lines = await read(most, Buffer.from('\n'), most, Buffer.from('x\nnext'));
    expect(lines.map(({ text }) => text?.length)).toEqual([MAX_LINE_BYTES, undefined, 4]);
  });

  it('take no more memory than one of them, also where the source never ends a line', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const endless = (async function* () {
      for (let n = 0; n < 300; n += 1) {
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
        yield await Promise.resolve(Buffer.from(chunk));
      }
    })();
    for await (const { text } of linesOf(endless)) expect(text).toBeUndefined();
    expect(most).toBeLessThan(150 * 1024 * 1024);
  });
});
