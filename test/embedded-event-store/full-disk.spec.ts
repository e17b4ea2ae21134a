import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import { requires } from '#testing/requires';
import { ownMounts, StoreOnSmallDisk } from './small-disk.ts';

requires(ownMounts)('a store whose disk is full', () => {
  let store: StoreOnSmallDisk;
  let client: EventStoreDBClient;

  beforeAll(async () => {
    store = await StoreOnSmallDisk.start(6);
    client = EventStoreDBClient.connectionString(store.url);
  });

  afterAll(async () => {
    await client.dispose();
    await store.stop();
  });

  const event = (id: string = randomUUID()) => jsonEvent({ id, type: 'Happened', data: { pad: 'x'.repeat(20_000) } });

  const read = async (stream: string) => {
    const ids: string[] = [];
    for await (const { event: recorded } of client.readStream(stream)) ids.push(recorded!.id);
    return ids;
  };

  it('rejects appends, loses none that it acknowledged, stays readable, and takes appends again once there is space', async () => {
    const acknowledged: string[] = [];
    const append = async (id: string) => {
      const expectedRevision = acknowledged.length === 0 ? NO_STREAM : BigInt(acknowledged.length - 1);
      await client.appendToStream('s', event(id), { expectedRevision });
      acknowledged.push(id);
    };
    for (let n = 0; n < 5; n++) await append(randomUUID());

    store.fill();
    // Pages of the store that are free already take a few more events.
    const refused = await (async () => {
      for (let n = 0; n < 1_000; n++) {
        const id = randomUUID();
        try {
          await append(id);
        } catch (error) {
          return { id, error };
        }
      }
      throw new Error('The disk never filled up');
    })();
    expect(String(refused.error)).toMatch(/could not write to its disk; nothing was stored/);
    // Several at once, over both ways to append: each is refused, and none stays.
    const more = await Promise.allSettled([
      ...Array.from({ length: 5 }, () => client.appendToStream(`t-${randomUUID()}`, event())),
      client.appendToStream('u', event(), { credentials: { username: 'u', password: 'p' } }),
    ]);
    expect(more.map(({ status }) => status)).toEqual(more.map(() => 'rejected'));
    expect(store.runs).toBe(true);
    expect(await read('s')).toEqual(acknowledged);
    await expect(read('u')).rejects.toMatchObject({ type: 'stream-not-found' });

    store.free();
    await append(refused.id);
    for (let n = 0; n < 5; n++) await append(randomUUID());
    expect(await read('s')).toEqual(acknowledged);
  });
});
