import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { type ImportEnd } from './import-keys.ts';
import { jsonReporter, textReporter } from './import-report.ts';
import { refusedRow } from './row-outcome.ts';

const SUMS = { rows: 0, imported: 0, alreadyThere: 0, refused: 0, beyondLimit: 0, sharedHash: 0 };
const END: ImportEnd = { end: 'complete', sums: SUMS, hashesComplete: true };
const CLEARED = '\r\u001b[K';

/** An output that keeps what is written, and takes more only when it is told to. */
class Output extends Writable {
  text = '';
  isStuck = false;
  #resume: () => void = () => undefined;

  constructor(
    readonly isTTY: boolean,
    readonly columns = 80,
  ) {
    super({ highWaterMark: 16, decodeStrings: false });
  }

  override _write(chunk: string, _: string, done: () => void): void {
    this.text += chunk;
    if (this.isStuck) this.#resume = done;
    else done();
  }

  resume(): void {
    this.isStuck = false;
    this.#resume();
  }
}

function outputs({ isTTY = false, columns = 80 } = {}) {
  return { stdout: new Output(false), stderr: new Output(isTTY, columns) };
}

describe('the report of an import', () => {
  it('draws its progress over itself on a terminal, out of the way of what is noteworthy and of the sums', () => {
    const streams = outputs({ isTTY: true });
    const reporter = textReporter(streams, 1000);
    void reporter.progress({ ...SUMS, rows: 1234, refused: 2 }, 500);
    const drawn = streams.stderr.text;
    expect(drawn.slice(0, CLEARED.length)).toBe(CLEARED);
    expect(drawn.slice(CLEARED.length)).toMatch(/^1,234 rows, 50 %, [\d,]+\/s, 2 refused$/);
    reporter.refused(7, refusedRow('INVALID_ROW', 'scopes is null'));
    expect(streams.stderr.text).toBe(`${drawn}${CLEARED}line 7: refused: scopes is null\n`);
    reporter.end(END);
    expect(streams.stdout.text).toBe('imported 0, already there 0, refused 0\n');
  });

  it('keeps its progress within a narrow terminal, where a line that wraps could not be drawn over', () => {
    const streams = outputs({ isTTY: true, columns: 10 });
    void textReporter(streams, 1000).progress({ ...SUMS, rows: 1_234_567 }, 500);
    expect(streams.stderr.text).toBe(`${CLEARED}1,234,567`);
  });

  it('writes plain lines now and then where there is no terminal, and no share of a source without a size', () => {
    const streams = outputs();
    const reporter = textReporter(streams, undefined);
    for (const rows of [1, 9_999, 10_000, 10_001, 20_000]) void reporter.progress({ ...SUMS, rows }, 1);
    expect(streams.stderr.text).toMatch(/^10,000 rows, [\d,]+\/s\n20,000 rows, [\d,]+\/s\n$/);
  });

  it('tells how many are beyond ten keys, share a hash, and that it was not run to its end', () => {
    const { stdout, stderr } = outputs();
    const sums = { ...SUMS, rows: 3, imported: 3, beyondLimit: 1, sharedHash: 2 };
    textReporter({ stdout, stderr }, undefined).end({ end: 'interrupted', sums, hashesComplete: false });
    expect(stdout.text.split('\n')).toEqual([
      'imported 3, already there 0, refused 0',
      '1 beyond ten keys: their users can create none until fewer than ten are left',
      '2 with a hash that belongs to another user’s key',
      'too many rows to tell of every hash whether another user’s row has it',
      'interrupted: run it again to go on',
      '',
    ]);
  });

  it.each([
    ['text', textReporter],
    ['JSON', jsonReporter],
  ])('has all rows under way wait for its %s together, again and again', async (_, reporterOf) => {
    const streams = outputs();
    const reporter = reporterOf(streams, undefined);
    const output = reporterOf === jsonReporter ? streams.stdout : streams.stderr;
    for (let round = 0; round < 3; round += 1) {
      output.isStuck = true;
      reporter.refused(1, refusedRow('INVALID_ROW', 'is no JSON object'));
      const waiting = Array.from({ length: 64 }, () => Promise.resolve(reporter.progress({ ...SUMS, rows: 1 }, 1)));
      expect(output.listenerCount('drain')).toBe(1);
      output.resume();
      await Promise.all(waiting);
    }
  });

  it.each([
    ['text', textReporter],
    ['JSON', jsonReporter],
  ])('makes the import wait while nobody reads its %s', async (_, reporterOf) => {
    const streams = outputs();
    const reporter = reporterOf(streams, undefined);
    const output = reporterOf === jsonReporter ? streams.stdout : streams.stderr;
    output.isStuck = true;
    reporter.refused(1, refusedRow('INVALID_ROW', 'is no JSON object'));
    const waiting = Promise.resolve(reporter.progress({ ...SUMS, rows: 1 }, 1)).then(() => 'went on');
    expect(await Promise.race([waiting, setImmediate('waits')])).toBe('waits');
    output.resume();
    expect(await waiting).toBe('went on');
  });
});
