import { type Readable } from 'node:stream';
import { DEFAULT_SCOPE_CATALOGUE } from '#contracts/scope-catalogue';
import { type EventStore } from '#event-store/event-store';
import { type ImportEnd, importKeys } from '#ops/import-keys';
import { type ImportReport } from '#ops/import-tally';
import { type PosthogRow, sourceOf } from './posthog-rows.ts';

export interface Import extends ImportEnd {
  /** What was reported, in the order in which it was: `3 refused USER_DELETED`, `7 beyondLimit 11`, `9 sharedHash 4`. */
  readonly reports: string[];
}

export interface ImportTestOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: ImportReport['progress'];
}

/** An import of rows, or of any source of lines, where a single iteration is allowed. */
export async function importRows(
  store: EventStore,
  rows: readonly (PosthogRow | object | string)[] | Readable,
  { signal = new AbortController().signal, onProgress = () => undefined }: ImportTestOptions = {},
): Promise<Import> {
  const reports: string[] = [];
  const report: ImportReport = {
    refused: (line, { code, reason }) => reports.push(`${line} refused ${code} ${reason}`),
    beyondLimit: (line, keys) => reports.push(`${line} beyondLimit ${keys}`),
    sharedHash: (line, earlier) => reports.push(`${line} sharedHash ${earlier}`),
    progress: onProgress,
  };
  const source = 'pipe' in rows ? rows : sourceOf(rows);
  const rules = { allowTestIterations: true };
  const end = await importKeys(source, store, { rules, scopes: DEFAULT_SCOPE_CATALOGUE, report, signal });
  return { ...end, reports };
}
