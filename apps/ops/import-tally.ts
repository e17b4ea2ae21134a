import { type ForeignKey } from '#keys/import-key';
import { type RefusedRow, type RowOutcome } from './row-outcome.ts';
import { SeenHashes } from './seen-hashes.ts';

/** What has become of the rows so far; blank lines are none. */
export interface ImportSums {
  rows: number;
  imported: number;
  /** Their user has or had a key of this id: nothing was changed. */
  alreadyThere: number;
  refused: number;
  /** Of the imported: their user has more than ten keys now. */
  beyondLimit: number;
  /** Of those that are in: another user's row before them has the same hash. */
  sharedHash: number;
}

/** Who wants to know, row by row. */
export interface ImportReport {
  refused(line: number, refusal: RefusedRow): void;
  beyondLimit(line: number, keys: number): void;
  /** Whose key was first in the log has the hash; the earlier line's, if neither was there before. */
  sharedHash(line: number, earlierLine: number): void;
  /** After each row; the next one waits for it. */
  progress(sums: Readonly<ImportSums>, bytesRead: number): Promise<void> | void;
}

/** Counts and reports what becomes of the rows. */
export class ImportTally {
  readonly sums: ImportSums = { rows: 0, imported: 0, alreadyThere: 0, refused: 0, beyondLimit: 0, sharedHash: 0 };
  readonly #seen = new SeenHashes();

  constructor(private readonly report: ImportReport) {}

  /** Whether every hash was compared with those of all rows before. */
  get hashesComplete(): boolean {
    return this.#seen.isComplete;
  }

  refused(line: number, refusal: RefusedRow): void {
    this.sums.rows += 1;
    this.sums.refused += 1;
    this.report.refused(line, refusal);
  }

  decided(line: number, { hash, userId }: ForeignKey, outcome: RowOutcome): void {
    if (outcome.outcome === 'refused') {
      this.refused(line, outcome);
      return;
    }
    this.sums.rows += 1;
    if (outcome.outcome === 'imported') this.#imported(line, outcome);
    else this.sums.alreadyThere += 1;
    const earlier = this.#seen.note(hash, userId, line);
    if (earlier === undefined) return;
    this.sums.sharedHash += 1;
    this.report.sharedHash(line, earlier);
  }

  #imported(line: number, { isBeyondLimit, keys }: Extract<RowOutcome, { outcome: 'imported' }>): void {
    this.sums.imported += 1;
    if (!isBeyondLimit) return;
    this.sums.beyondLimit += 1;
    this.report.beyondLimit(line, keys);
  }
}
