import { once } from 'node:events';
import { type Writable } from 'node:stream';
import { type ImportEnd } from './import-keys.ts';
import { type ImportReport, type ImportSums } from './import-tally.ts';
import { ProgressLine } from './progress-line.ts';

export interface ImportReporter extends ImportReport {
  end(end: ImportEnd): void;
}

interface Streams {
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
}

const PLAIN_PROGRESS_ROWS = 10_000;

/** The sums on standard output; what is noteworthy and how far it is on standard error, for people. */
export function textReporter({ stdout, stderr }: Streams, sizeBytes: number | undefined): ImportReporter {
  const line = stderr.isTTY === true ? new ProgressLine(stderr) : undefined;
  const say = (text: string) => {
    line?.clear();
    stderr.write(`${text}\n`);
  };
  const progress = progressText(sizeBytes);
  const drained = drainOf(stderr);
  return {
    refused: (no, { reason }) => say(`line ${no}: refused: ${reason}`),
    beyondLimit: (no, keys) => say(`line ${no}: imported, the user has ${keys} keys now`),
    sharedHash: (no, earlier) =>
      say(
        `line ${no}: has the hash of line ${earlier}, whose user is another; it works for the one that was in the log first`,
      ),
    progress(sums, bytesRead) {
      if (line !== undefined) line.show(() => progress(sums, bytesRead));
      else if (sums.rows % PLAIN_PROGRESS_ROWS === 0) say(progress(sums, bytesRead));
      return drained();
    },
    end(end) {
      line?.clear();
      stdout.write(sumText(end));
    },
  };
}

/** One JSON object per line on standard output: what is noteworthy as it comes, and the sums at the end. */
export function jsonReporter({ stdout }: Streams): ImportReporter {
  const drained = drainOf(stdout);
  const write = (object: object) => stdout.write(`${JSON.stringify(object)}\n`);
  return {
    refused: (line, { code, reason }) => write({ event: 'refused', line, code, reason }),
    beyondLimit: (line, keys) => write({ event: 'beyondLimit', line, keys }),
    sharedHash: (line, earlierLine) => write({ event: 'sharedHash', line, earlierLine }),
    progress: drained,
    end: ({ sums, ...end }) => write({ event: 'end', ...end, ...sums }),
  };
}

function progressText(sizeBytes: number | undefined): (sums: ImportSums, bytesRead: number) => string {
  const startedMs = performance.now();
  return ({ rows, refused }, bytesRead) => {
    const perSecond = Math.round((rows * 1000) / Math.max(1, performance.now() - startedMs));
    // A pipe has no size, and a file may have grown.
    const share = sizeBytes ? [`${Math.min(100, Math.floor((bytesRead * 100) / sizeBytes))} %`] : [];
    return [
      `${count(rows)} rows`,
      ...share,
      `${count(perSecond)}/s`,
      ...(refused > 0 ? [`${count(refused)} refused`] : []),
    ].join(', ');
  };
}

function sumText(end: ImportEnd): string {
  const { imported, alreadyThere, refused, beyondLimit, sharedHash } = end.sums;
  const lines = [`imported ${count(imported)}, already there ${count(alreadyThere)}, refused ${count(refused)}`];
  if (beyondLimit > 0) {
    lines.push(`${count(beyondLimit)} beyond ten keys: their users can create none until fewer than ten are left`);
  }
  if (sharedHash > 0) lines.push(`${count(sharedHash)} with a hash that belongs to another user’s key`);
  if (!end.hashesComplete) lines.push('too many rows to tell of every hash whether another user’s row has it');
  if (end.end === 'interrupted') lines.push('interrupted: run it again to go on');
  return `${lines.join('\n')}\n`;
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}

/**
 * A slow reader of our output slows the import down instead of filling the memory. All the rows under way wait together:
 * a listener for each would be more than Node takes without a warning in between the lines.
 */
function drainOf(stream: Writable): () => Promise<void> | undefined {
  let draining: Promise<void> | undefined;
  return () => {
    if (!stream.writableNeedDrain) return undefined;
    draining ??= once(stream, 'drain')
      .then(() => undefined)
      .finally(() => (draining = undefined));
    return draining;
  };
}
