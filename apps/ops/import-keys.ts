import { type Readable } from 'node:stream';
import { type ScopeCatalogue } from '#contracts/scope-catalogue';
import { type EventStore } from '#event-store/event-store';
import { EventStoreUnavailable } from '#event-store/event-store-unavailable';
import { type ImportReport, type ImportSums, ImportTally } from './import-tally.ts';
import { KeyImporter } from './key-importer.ts';
import { type Line, linesOf } from './lines.ts';
import { parseRow, type RowRules } from './parse-row.ts';
import { refusedRow } from './row-outcome.ts';

export interface ImportOptions {
  readonly rules: RowRules;
  /** The scopes that may be given to keys. */
  readonly scopes: ScopeCatalogue;
  readonly report: ImportReport;
  /** Once it aborts no further row is begun; those under way are finished. */
  readonly signal: AbortSignal;
}

export interface ImportEnd {
  /** `unavailable`: the event store could not be asked; what is counted is in, the rows under way may be. */
  readonly end: 'complete' | 'interrupted' | 'unavailable';
  readonly sums: ImportSums;
  /** Whether every hash was compared with those of all rows before. */
  readonly hashesComplete: boolean;
  readonly fault?: string;
}

/** So many appends share a flush of the log and hide the way to it; each row holds some kilobytes while it is under way. */
const ROWS_UNDER_WAY = 64;

/**
 * Takes PostHog's rows in, one JSON object per line, each as KeyCreated in its user's stream. Every row is decided on the
 * stream as the leader has it and appended at that revision, so it may run beside the services, beside itself, and
 * again after any end: what is there already is skipped.
 *
 * @param source is destroyed where not all of it was wanted
 * @throws what the source throws
 */
export async function importKeys(
  source: Readable,
  store: EventStore,
  { rules, scopes, report, signal }: ImportOptions,
): Promise<ImportEnd> {
  const importer = new KeyImporter(store, scopes);
  const tally = new ImportTally(report);
  const faults: Error[] = [];
  const isOver = () => signal.aborted || faults.length > 0;

  const take = async ({ no, text, endsAt }: Line) => {
    const parsed = text === undefined ? UNREADABLE : parseRow(text, rules);
    if ('outcome' in parsed) tally.refused(no, parsed);
    else tally.decided(no, parsed, await importer.import(parsed));
    await report.progress(tally.sums, endsAt);
  };
  const lines = linesOf(untilOver(source, isOver));
  const work = async () => {
    for (let next = await lines.next(); next.done !== true && !isOver(); next = await lines.next()) {
      if (next.value.text?.trim() !== '') await take(next.value);
    }
  };
  // Whoever waits for a line, which may never come, is let go.
  const letGo = () => source.destroy();
  signal.addEventListener('abort', letGo, { once: true });
  const fail = (error: unknown) => {
    faults.push(error as Error);
    letGo();
  };
  await Promise.all(Array.from({ length: ROWS_UNDER_WAY }, () => work().catch(fail)));
  signal.removeEventListener('abort', letGo);

  const { sums, hashesComplete } = tally;
  const [fault] = faults;
  if (fault instanceof EventStoreUnavailable) {
    return { end: 'unavailable', sums, hashesComplete, fault: fault.message };
  }
  if (fault !== undefined) throw fault;
  return { end: signal.aborted ? 'interrupted' : 'complete', sums, hashesComplete };
}

/** A source that is destroyed ends in an error, which is none once nobody wants more of it. */
async function* untilOver(source: Readable, isOver: () => boolean): AsyncGenerator<Uint8Array, void, void> {
  try {
    for await (const chunk of source) yield chunk as Uint8Array;
  } catch (error) {
    if (!isOver()) throw error;
  }
}

const UNREADABLE = refusedRow('INVALID_ROW', 'is longer than 64 KiB, or no UTF-8');
