import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_SCOPE_CATALOGUE } from '#contracts/scope-catalogue';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';
import { type NewEvent } from '#event-store/recorded-event';
import { type ForeignKey, MAX_IMPORTED_KEYS_PER_USER } from '#keys/import-key';
import { userStream } from '#keys/user-fold';
import { KeyImporter } from '#ops/key-importer';
import { CommandService } from '#testing/command-service';
import { aFolder } from '#testing/folders';
import { legacyHashNo } from '#testing/given-keys';

const COMMAND_ID = 'c'.repeat(128);

/** Three bytes in UTF-8 for each character of the id, the most that is legal; the longest id and hash of a key. */
const userNo = (n: number) => String(n).padStart(128, '字');
const keyIdNo = (n: number) => String(n).padStart(64, 'k');
const keyNo = (userId: string, n: number): ForeignKey => ({
  userId,
  keyId: keyIdNo(n),
  label: 'From before',
  scopes: ['insight:read'],
  hash: legacyHashNo(n, 390_000),
  mask: null,
  createdAt: '2023-05-06T07:08:09.000Z',
});

describe('the deletion of a user with very many keys', () => {
  let node: EmbeddedEventStore;
  let service: CommandService;

  beforeAll(async () => {
    node = await EmbeddedEventStore.open({ dataDir: aFolder('deletion-size'), port: 0 });
    service = await CommandService.start(`esdb://127.0.0.1:${node.port}?tls=false`);
  });
  afterAll(async () => {
    await service.close();
    await node.close();
  });

  const deletion = (userId: string) =>
    service.requests.send('users.delete', { commandId: COMMAND_ID, userId }, { deadlineMs: Date.now() + 60_000 });

  it('is refused where it is larger than an append may be, and the user stays', async () => {
    const userId = userNo(1);
    const events = Array.from({ length: 2_000 }, (_, n): NewEvent => {
      const { createdAt, scopes, ...key } = keyNo(userId, n);
      const data = { ...key, scopes: [...scopes], description: null, at: createdAt };
      return { id: randomUUID(), type: 'KeyCreated', data, metadata: { schemaVersion: 1 } };
    });
    for (let first = 0; first < events.length; first += 500) {
      const expected = first === 0 ? 'none' : BigInt(first - 1);
      const { outcome } = await service.store.append(userStream(userId), expected, events.slice(first, first + 500));
      expect(outcome).toBe('appended');
    }
    expect(await deletion(userId)).toMatchObject({ ok: false, code: 'INVALID_REQUEST' });
  });

  it('is one append for as many as an import brings, with the longest ids and hashes, and it brings no more', async () => {
    const userId = userNo(2);
    const importer = new KeyImporter(service.store, DEFAULT_SCOPE_CATALOGUE);
    const rows = Array.from({ length: MAX_IMPORTED_KEYS_PER_USER + 2 }, (_, n) => importer.import(keyNo(userId, n)));
    const outcomes = await Promise.all(rows);
    expect(outcomes.slice(0, MAX_IMPORTED_KEYS_PER_USER).every(({ outcome }) => outcome === 'imported')).toBe(true);
    expect(outcomes.slice(MAX_IMPORTED_KEYS_PER_USER)).toMatchObject([
      { outcome: 'refused', code: 'TOO_MANY_KEYS' },
      { outcome: 'refused', code: 'TOO_MANY_KEYS' },
    ]);
    const deleted = await deletion(userId);
    expect(deleted).toMatchObject({ ok: true });
    expect('deletedKeys' in deleted && deleted.deletedKeys).toHaveLength(MAX_IMPORTED_KEYS_PER_USER);
    const read = await service.store.readStream(userStream(userId), BigInt(MAX_IMPORTED_KEYS_PER_USER));
    const appended = read.outcome === 'found' ? read.events : [];
    const bytes = appended.map((event) => Buffer.byteLength(JSON.stringify([event.data, event.metadata, event.type])));
    expect(bytes).toHaveLength(MAX_IMPORTED_KEYS_PER_USER + 1);
    expect(Math.max(...bytes)).toBeLessThan(1_100);
  });
});
