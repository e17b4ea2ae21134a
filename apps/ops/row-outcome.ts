import { type ImportDecision } from '#keys/import-key';

/** What became of a row. */
export type RowOutcome =
  /** `keys`: how many the user has now. */
  | { readonly outcome: 'imported'; readonly isBeyondLimit: boolean; readonly keys: number }
  /** The user has or had a key of this id: nothing was changed. */
  | { readonly outcome: 'already-there' }
  | RefusedRow;

type RefusalOf<Decided> = Extract<Decided, { readonly refused: unknown }>['refused'];

/** `reason` is for people; it never holds a hash, a value or any text that may be one. */
export interface RefusedRow {
  readonly outcome: 'refused';
  readonly code: RefusalOf<ImportDecision> | 'INVALID_ROW' | 'UNREADABLE_USER' | 'CONTENDED' | 'TOO_LARGE';
  readonly reason: string;
}

export function refusedRow(code: RefusedRow['code'], reason: string): RefusedRow {
  return { outcome: 'refused', code, reason };
}
