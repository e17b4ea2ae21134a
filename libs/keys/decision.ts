import { type KeyEvent } from './events.ts';

/** The events to append, all in one append at the revision that was decided on; none: nothing has to change. */
export type Decision = { readonly events: readonly KeyEvent[] } | Refused;

export interface Refused {
  readonly refused: RefusalReason;
  readonly message: string;
  /** The field of the command that was refused, where there is one. */
  readonly attr?: string;
}

export type RefusalReason = keyof typeof MESSAGES | 'INVALID_SCOPE';

export const MAX_KEYS_PER_USER = 10;

const MESSAGES = {
  /** PostHog's words. */
  KEY_LIMIT_REACHED: `You can only have ${MAX_KEYS_PER_USER} personal API keys. Remove an existing key before creating a new one.`,
  KEY_NOT_FOUND: 'There is no such key.',
  KEY_ID_REUSED: 'A key with this id exists or has existed.',
  HASH_REUSED: 'This hash is or was that of a key of the same user.',
  USER_DELETED: 'The user has been deleted.',
  CONFLICT: 'The key has been rolled by another command in the meantime.',
} as const;

export function refuse(reason: keyof typeof MESSAGES, attr?: string): Refused {
  return { refused: reason, message: MESSAGES[reason], ...(attr === undefined ? {} : { attr }) };
}

/** The scope that can't be given, in PostHog's words. */
export function refuseScope(scope: string): Refused {
  return { refused: 'INVALID_SCOPE', message: `Invalid scope: ${scope}`, attr: 'scopes' };
}

export function decide(...events: KeyEvent[]): Decision {
  return { events };
}

/** Scopes are a set: stored without repetition, in the order given. */
export function scopeSet(scopes: readonly string[]): readonly string[] {
  return [...new Set(scopes)];
}

/** The empty text means "none". */
export function descriptionOrNull(description: string | null | undefined): string | null {
  return description === undefined || description === '' ? null : description;
}
