import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ANY,
  END,
  BACKWARDS,
  EventStoreDBClient,
  jsonEvent,
  NO_STREAM,
  START,
  streamNameFilter,
} from '@eventstore/db-client';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';

describe('a node, through the real client', () => {
  let dataDir: string;
  let store: EmbeddedEventStore;
  let client: EventStoreDBClient;

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'latchkey-event-store-'));
    store = await EmbeddedEventStore.open({ dataDir, port: 0 });
    client = EventStoreDBClient.connectionString(store.url);
  });

  afterEach(async () => {
    await client.dispose();
    await store.close();
    rmSync(dataDir, { recursive: true });
  });

  const event = (n: number) => jsonEvent({ type: 'Happened', data: { n }, metadata: { m: n } });

  it('appends, reads and subscribes', async () => {
    const appended = await client.appendToStream('a-1', [event(1), event(2)], { expectedRevision: NO_STREAM });
    expect(appended.nextExpectedRevision).toBe(1n);
    await expect(client.appendToStream('a-1', event(3), { expectedRevision: NO_STREAM })).rejects.toMatchObject({
      type: 'wrong-expected-version',
      actualVersion: 1n,
    });
    await client.appendToStream('b-1', event(4), { expectedRevision: ANY });

    const read = [];
    for await (const { event: e } of client.readStream('a-1')) read.push(e?.data);
    expect(read).toEqual([{ n: 1 }, { n: 2 }]);

    const newest = [];
    for await (const { event: e } of client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }))
      newest.push(e?.data);
    expect(newest).toEqual([{ n: 4 }]);

    const seen: unknown[] = [];
    const subscription = client.subscribeToAll({ fromPosition: START, filter: streamNameFilter({ prefixes: ['a-'] }) });
    for await (const { event: e } of subscription) {
      seen.push(e?.data);
      if (seen.length === 2) await client.appendToStream('a-1', event(5));
      if (seen.length === 3) break;
    }
    subscription.destroy();
    expect(seen).toEqual([{ n: 1 }, { n: 2 }, { n: 5 }]);
  });
});
