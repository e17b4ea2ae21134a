import { type Key } from './key.ts';
import { legacyParameterSet } from './legacy-parameter-set.ts';

/** A key as its owner sees it. The shape of the contracts' KeyRecord; the rules know no contracts. */
export interface KeyRecord {
  keyId: string;
  userId: string;
  label: string;
  description: string | null;
  scopes: string[];
  mask: string | null;
  createdAt: string;
  lastRolledAt: string | null;
  legacy: boolean;
}

export function keyRecord(userId: string, key: Key): KeyRecord {
  const { keyId, label, description, scopes, mask, createdAt, lastRolledAt } = key;
  const legacy = legacyParameterSet(key.hash) !== undefined;
  return { keyId, userId, label, description, scopes: [...scopes], mask, createdAt, lastRolledAt, legacy };
}
