import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';

let dataDir: string;
let store: EmbeddedEventStore;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'latchkey-discovery-'));
  store = await EmbeddedEventStore.open({ dataDir, port: 0 });
});

afterEach(async () => {
  await store.close();
  rmSync(dataDir, { recursive: true });
});

it('is found as a cluster of one leader by clients that gossip before they connect', async () => {
  const client = EventStoreDBClient.connectionString(store.url.replace('esdb://', 'esdb+discover://'));
  const appended = await client.appendToStream('s', jsonEvent({ type: 'Happened', data: {} }), {
    expectedRevision: NO_STREAM,
  });
  expect(appended.nextExpectedRevision).toBe(0n);
  await client.dispose();
});
