import { randomUUID } from 'node:crypto';
import { type JsonObject, type NewEvent, type RecordedEvent } from '#event-store/recorded-event';
import { type KeyEvent, type KeyEventData } from '#keys/events';
import { keyEventMetadata } from '#keys/parse-key-event';

const AT = '2024-01-02T03:04:05.000Z';
type Owner = readonly [userId: string, keyId: string];

export function keyCreated([userId, keyId]: Owner, hash: string, scopes = ['a:read']): KeyEvent {
  const data = { userId, keyId, label: 'label', description: null, scopes, hash, mask: null, at: AT };
  return { type: 'KeyCreated', data } satisfies KeyEvent;
}

export function keyRolled([userId, keyId]: Owner, oldHash: string, newHash: string, scopes = ['a:read']): KeyEvent {
  return { type: 'KeyRolled', data: { userId, keyId, oldHash, newHash, mask: 'lkp_...aaaa', scopes, at: AT } };
}

export function scopesChanged([userId, keyId]: Owner, hash: string, scopes: string[]): KeyEvent {
  return { type: 'ScopesChanged', data: { userId, keyId, hash, scopes, at: AT } };
}

export function keyDeleted([userId, keyId]: Owner, hash: string): KeyEvent {
  return { type: 'KeyDeleted', data: { userId, keyId, hash, at: AT } };
}

/** As the command service writes it. */
export function newEvent({ type, data }: KeyEvent): NewEvent {
  return { id: randomUUID(), type, data: toJson(data), metadata: toJson(metadataOf(type)) };
}

/** As it is read back from the n-th place of a log. */
export function recorded(event: KeyEvent, n: number): RecordedEvent {
  const { id, type, data, metadata } = newEvent(event);
  const position = { commit: BigInt(n), prepare: BigInt(n) };
  return { id, type, stream: `userKeys-${event.data.userId}`, revision: 0n, position, data, metadata, createdMs: 0 };
}

function metadataOf(type: keyof KeyEventData) {
  return keyEventMetadata(type, { commandId: randomUUID(), digest: 'digest' });
}

function toJson(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}
