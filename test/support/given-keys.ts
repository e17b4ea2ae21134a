import { type KeyEvent, type KeyEventData, type StoredKeyEvent } from '#keys/events';
import { type ImportDecision } from '#keys/import-key';
import { evolve, noKeys, type UserKeys } from '#keys/user-keys';

/** `given(...events).when((user) => createKey(user, aKey))`: what is decided after what has happened. */
export function given(...events: KeyEvent[]): { user: UserKeys; when<T>(decide: (user: UserKeys) => T): T } {
  const user = events.map((event, index) => stored(event, { position: BigInt(index) })).reduce(evolve, noKeys());
  return { user, when: (decide) => decide(user) };
}

export function stored(event: KeyEvent, rest: Omit<StoredKeyEvent, 'event'>): StoredKeyEvent {
  return { event, ...rest };
}

/** The events of a decision that must not be a refusal. */
export function eventsOf(decision: ImportDecision): readonly KeyEvent[] {
  if ('refused' in decision) throw new Error(`refused: ${decision.refused}`);
  return decision.events;
}

/** The n-th of any number of hashes, all different. */
export function hashNo(n: number): string {
  return `sha256$${n.toString(16).padStart(64, '0')}`;
}

export function legacyHashNo(n: number, iterations = 260_000): string {
  return `pbkdf2_sha256$${iterations}$posthog_personal_api_key$${String(n).padStart(43, 'A')}=`;
}

export const MORNING = '2026-03-01T08:00:00.000Z';
export const NOON = '2026-03-01T12:00:00.000Z';
export const EVENING = '2026-03-01T18:00:00.000Z';

export function created(data: Partial<KeyEventData['KeyCreated']> = {}): KeyEvent<'KeyCreated'> {
  return {
    type: 'KeyCreated',
    data: {
      userId: 'ann',
      keyId: 'key-1',
      label: 'CI',
      description: null,
      scopes: ['insight:read'],
      hash: hashNo(1),
      mask: 'lkp_...AAAA',
      at: MORNING,
      ...data,
    },
  };
}

export function rolled(data: Partial<KeyEventData['KeyRolled']> = {}): KeyEvent<'KeyRolled'> {
  return {
    type: 'KeyRolled',
    data: {
      userId: 'ann',
      keyId: 'key-1',
      oldHash: hashNo(1),
      newHash: hashNo(2),
      mask: 'lkp_...BBBB',
      scopes: ['insight:read'],
      at: NOON,
      ...data,
    },
  };
}

export function scopesChanged(data: Partial<KeyEventData['ScopesChanged']> = {}): KeyEvent<'ScopesChanged'> {
  return {
    type: 'ScopesChanged',
    data: { userId: 'ann', keyId: 'key-1', hash: hashNo(1), scopes: ['insight:write'], at: NOON, ...data },
  };
}

export function relabelled(data: Partial<KeyEventData['KeyRelabelled']> = {}): KeyEvent<'KeyRelabelled'> {
  return {
    type: 'KeyRelabelled',
    data: { userId: 'ann', keyId: 'key-1', label: 'Nightly CI', description: 'On the build host', at: NOON, ...data },
  };
}

export function keyDeleted(data: Partial<KeyEventData['KeyDeleted']> = {}): KeyEvent<'KeyDeleted'> {
  return { type: 'KeyDeleted', data: { userId: 'ann', keyId: 'key-1', hash: hashNo(1), at: EVENING, ...data } };
}

export function userDeleted(data: Partial<KeyEventData['UserDeleted']> = {}): KeyEvent<'UserDeleted'> {
  return { type: 'UserDeleted', data: { userId: 'ann', at: EVENING, ...data } };
}

/** `key-1` … `key-n`, one millisecond apart, with the hashes 1 … n. */
export function keysCreated(n: number): KeyEvent[] {
  return Array.from({ length: n }, (_, index) =>
    created({
      keyId: `key-${index + 1}`,
      hash: hashNo(index + 1),
      at: new Date(Date.parse(MORNING) + index).toISOString(),
    }),
  );
}
