import { type KeyRecord } from '#contracts/key-record';

/** A key as PostHog's API shows it. Times are ISO 8601 in UTC. */
export interface KeyRepresentation {
  readonly id: string;
  readonly label: string;
  readonly description: string | null;
  /** In the answer to a create or a roll, and never again. */
  readonly value: string | null;
  readonly mask_value: string | null;
  readonly created_at: string;
  readonly last_used_at: string | null;
  readonly last_rolled_at: string | null;
  readonly user_id: string;
  readonly is_legacy_hashing: boolean;
  readonly scopes: readonly string[];
  /** Keys are bound by their scopes alone: always empty, which is PostHog's word for "no bounds". */
  readonly scoped_teams: readonly [];
  readonly scoped_organizations: readonly [];
}

interface Shown {
  readonly lastUsedAt?: string | null;
  readonly value?: string;
}

export function representKey(record: KeyRecord, { lastUsedAt = null, value }: Shown = {}): KeyRepresentation {
  return {
    id: record.keyId,
    label: record.label,
    description: record.description,
    value: value ?? null,
    mask_value: record.mask,
    created_at: record.createdAt,
    last_used_at: lastUsedAt,
    last_rolled_at: record.lastRolledAt,
    user_id: record.userId,
    is_legacy_hashing: record.legacy,
    scopes: record.scopes,
    scoped_teams: [],
    scoped_organizations: [],
  };
}
