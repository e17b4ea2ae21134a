import { type LookupEntry } from './lookup-reader.ts';

/**
 * What one event does to the lookup, as `projectKey` of libs/keys says it. `legacy` is the parameter set of a legacy hash:
 * a put counts it up, a remove counts it down, from the event alone, whether or not the entry itself was changed.
 */
export type LookupChange = PutEntry | RemoveEntry;

/** Never replaces the entry of another (userId, keyId): the first owner in log order keeps it. */
export interface PutEntry {
  readonly put: string;
  readonly entry: LookupEntry;
  readonly legacy?: string;
}

/** Acts only on its owner's entry. */
export interface RemoveEntry {
  readonly remove: string;
  readonly owner: { readonly userId: string; readonly keyId: string };
  readonly legacy?: string;
}
