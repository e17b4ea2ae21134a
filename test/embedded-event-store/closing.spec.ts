import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EventStoreDBClient, jsonEvent, START } from '@eventstore/db-client';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';
import { FolderInUse } from '#embedded-event-store/folder-lock';

describe('closing a store', () => {
  let dataDir: string;
  let store: EmbeddedEventStore;
  let client: EventStoreDBClient;

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'latchkey-closing-'));
    store = await EmbeddedEventStore.open({ dataDir, port: 0 });
    client = EventStoreDBClient.connectionString(store.url);
  });

  afterEach(async () => {
    await client.dispose();
    await store.close();
    rmSync(dataDir, { recursive: true });
  });

  const event = () => jsonEvent({ type: 'Happened', data: {} });

  it('ends subscriptions as a server that goes away, so that clients come back', async () => {
    const subscription = client.subscribeToAll({ fromPosition: START });
    const failed = new Promise((resolve) => subscription.once('error', resolve));
    await new Promise((resolve) => subscription.once('confirmation', resolve));
    await store.close();
    expect(await failed).toMatchObject({ type: 'unavailable' });
    subscription.destroy();
  });

  it('keeps every append that it acknowledged, and acknowledges or refuses each that it was sent', async () => {
    await client.appendToStream('warm', event());
    const appends = Array.from({ length: 300 }, (_, n) => client.appendToStream(`s-${n}`, event()));
    const settled = Promise.allSettled(appends);
    await appends[0];
    await store.close();
    const outcomes = await settled;

    store = await EmbeddedEventStore.open({ dataDir, port: 0 });
    const again = EventStoreDBClient.connectionString(store.url);
    const stored = new Set<string>();
    for await (const { event: recorded } of again.readAll()) stored.add(recorded!.streamId);
    await again.dispose();
    const lost = outcomes.flatMap(({ status }, n) => (status === 'fulfilled' && !stored.has(`s-${n}`) ? [n] : []));
    expect(lost).toEqual([]);
    expect(outcomes[0]).toMatchObject({ status: 'fulfilled' });
  });

  it('holds the folder against a second store until it is closed', async () => {
    await expect(EmbeddedEventStore.open({ dataDir, port: 0 })).rejects.toThrow(FolderInUse);
    await store.close();
    store = await EmbeddedEventStore.open({ dataDir, port: 0 });
    expect(store.port).toBeGreaterThan(0);
  });

  it('frees the folder when it could not listen', async () => {
    await store.close();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    await expect(EmbeddedEventStore.open({ dataDir, port })).rejects.toThrow(/EADDRINUSE/);
    await new Promise((resolve) => taken.close(resolve));
    store = await EmbeddedEventStore.open({ dataDir, port: 0 });
  });
});
