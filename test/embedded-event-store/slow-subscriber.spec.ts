import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EventStoreDBClient, jsonEvent, START } from '@eventstore/db-client';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';

describe('a subscriber that stops reading', () => {
  let dataDir: string;
  let store: EmbeddedEventStore;
  let client: EventStoreDBClient;

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'latchkey-slow-'));
    store = await EmbeddedEventStore.open({ dataDir, port: 0 });
    client = EventStoreDBClient.connectionString(store.url);
  });

  afterEach(async () => {
    await client.dispose();
    await store.close();
    rmSync(dataDir, { recursive: true });
  });

  const BATCH = 200;
  const append = (from: number) =>
    client.appendToStream(
      's',
      Array.from({ length: BATCH }, (_, n) =>
        jsonEvent({ type: 'Happened', data: { n: from + n, pad: 'x'.repeat(1_000) } }),
      ),
    );

  it('is told that it fell behind, misses nothing, gets nothing twice, and is told when it has caught up', async () => {
    const subscription = client.subscribeToAll({ fromPosition: START });
    const told: string[] = [];
    subscription.on('caughtUp', () => told.push('caught up'));
    subscription.on('fellBehind', () => told.push('fell behind'));
    const received: number[] = [];
    let total = BATCH;
    await append(0);

    for await (const { event } of subscription) {
      received.push((event!.data as { n: number }).n);
      // Live; now 4 MB go by while nothing is read: more than any buffer between the two holds.
      if (received.length === BATCH) {
        while (total < 20 * BATCH) {
          await append(total);
          total += BATCH;
        }
      }
      if (received.length === 20 * BATCH) break;
    }
    expect(received).toEqual(Array.from({ length: total }, (_, n) => n));
    expect(told).toContain('fell behind');

    // The break ended the subscription, so the last word is heard by another one.
    const late = client.subscribeToAll({ fromPosition: START });
    const caughtUp = new Promise((resolve) => late.once('caughtUp', () => resolve(true)));
    late.resume();
    expect(await caughtUp).toBe(true);
    await late.unsubscribe();
    late.destroy();
  });
});
