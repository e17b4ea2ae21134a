import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_SCOPE_CATALOGUE } from '#contracts/scope-catalogue';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';
import { EventStore } from '#event-store/event-store';
import { type NewEvent } from '#event-store/recorded-event';
import { type ForeignKey } from '#keys/import-key';
import { userStream } from '#keys/user-fold';
import { KeyImporter } from '#ops/key-importer';
import { aFolder } from '#testing/folders';
import { hashNo } from '#testing/given-keys';

const BEYOND = '+010000-01-01T00:59:59.000Z';

describe('a key that could not be read back', () => {
  let node: EmbeddedEventStore;
  let store: EventStore;
  let users = 0;

  beforeAll(async () => {
    node = await EmbeddedEventStore.open({ dataDir: aFolder('key-importer'), port: 0 });
    store = EventStore.connect(`esdb://127.0.0.1:${node.port}?tls=false`);
  });
  afterAll(async () => {
    await store.close();
    await node.close();
  });

  const aKey = (fields: Partial<ForeignKey>): ForeignKey => ({
    userId: `user-${users}`,
    keyId: 'key-1',
    label: 'From before',
    scopes: ['insight:read'],
    hash: hashNo(users * 100),
    mask: null,
    createdAt: '2023-05-06T07:08:09.000Z',
    ...fields,
  });
  const importerOf = () => new KeyImporter(store, DEFAULT_SCOPE_CATALOGUE);

  it('would, once it is in its user’s stream, keep all others out', async () => {
    users += 1;
    const { userId, keyId, label, scopes, hash, mask, createdAt } = aKey({ createdAt: BEYOND });
    const event: NewEvent = {
      id: '00000000-0000-4000-8000-000000000001',
      type: 'KeyCreated',
      data: { userId, keyId, label, description: null, scopes: [...scopes], hash, mask, at: createdAt },
      metadata: { schemaVersion: 1 },
    };
    await store.append(userStream(userId), 'none', [event]);
    expect(await importerOf().import(aKey({ keyId: 'key-2', hash: hashNo(7) }))).toMatchObject({
      code: 'UNREADABLE_USER',
    });
  });

  it('is refused, and the others of its user go in', async () => {
    users += 1;
    const importer = importerOf();
    const keys = [
      aKey({}),
      aKey({ keyId: 'key-2', hash: hashNo(8), createdAt: BEYOND }),
      aKey({ keyId: 'key-3', hash: hashNo(9) }),
    ];
    expect(await Promise.all(keys.map((key) => importer.import(key)))).toMatchObject([
      { outcome: 'imported', keys: 1 },
      { outcome: 'refused', code: 'INVALID_ROW' },
      { outcome: 'imported', keys: 2 },
    ]);
    expect(await importer.import(aKey({ keyId: 'key-4', hash: hashNo(10) }))).toMatchObject({ outcome: 'imported' });
  });
});
