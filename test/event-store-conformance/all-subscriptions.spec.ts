import { END, START, type Position } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { eventStoreUnderTest, ids } from './event-store-under-test.ts';
import { type Observed } from './observed.ts';

const store = eventStoreUnderTest();

/** The rules are Enumerator.AllSubscription's (EventStore.Core/Services/Transport/Enumerators). */
describe('subscribing to $all', () => {
  const of = (observed: Observed, stream: string) => observed.events.filter(({ streamId }) => streamId === stream);
  const untilOf = (observed: Observed, stream: string, count: number) =>
    observed.until(`${count} own events`, () => of(observed, stream).length >= count);

  const append = async (stream: string, count: number) => {
    const events = store.events(count);
    const { position } = await store.client.appendToStream(stream, events);
    return { events, position: position! };
  };

  // Subscriptions take the position as a checkpoint: "we should send on events _after_ this".
  it('from a position begins after it', async () => {
    const stream = store.stream();
    const { position } = await append(stream, 2);
    const after = await append(stream, 2);
    const observed = store.observe(store.client.subscribeToAll({ fromPosition: position }));
    await untilOf(observed, stream, 2);
    expect(ids(of(observed, stream))).toEqual(ids(after.events));
  });

  it('from the start delivers the oldest event first', async () => {
    const [oldest] = await store.readAll({ fromPosition: START, maxCount: 1 });
    const observed = store.observe(store.client.subscribeToAll({ fromPosition: START }));
    await observed.untilEvents(1);
    await observed.stop();
    expect(observed.events[0]).toEqual(oldest);
  });

  it('from the end delivers only what comes', async () => {
    const stream = store.stream();
    await append(stream, 2);
    const observed = store.observe(store.client.subscribeToAll({ fromPosition: END }));
    await observed.untilCaughtUp();
    const { events } = await append(stream, 3);
    await untilOf(observed, stream, 3);
    expect(ids(of(observed, stream))).toEqual(ids(events));
  });

  it('delivers the same events as reading does, in the same order, caught up and live', async () => {
    const from = await store.now();
    const stream = store.stream();
    await append(stream, 40);
    const observed = store.observe(store.client.subscribeToAll({ fromPosition: from }));
    await observed.untilCaughtUp();
    await append(stream, 5);
    await store.client.setStreamMetadata(stream, { maxCount: 3 });
    await store.client.tombstoneStream(stream);
    await untilOf(observed, stream, 46);
    const last = observed.events.length;
    const read = await store.readAll({ fromPosition: from, maxCount: last + 1 });
    expect(observed.events).toEqual(read.slice(1));
  });

  it('loses and repeats nothing between catching up and live, under concurrent writes', async () => {
    const from = await store.now();
    const streams = Array.from({ length: 8 }, () => store.stream());
    const written: { readonly id: string; readonly position: Position }[] = [];
    const writing = Promise.all(
      streams.map(async (stream) => {
        for (let round = 0; round < 50; round += 1) {
          const { events, position } = await append(stream, 1);
          written.push({ id: events[0]!.id, position });
        }
      }),
    );
    const observers = Array.from({ length: 3 }, () =>
      store.observe(store.client.subscribeToAll({ fromPosition: from })),
    );
    await writing;
    const inOrder = ids(written.sort((a, b) => (a.position.commit < b.position.commit ? -1 : 1)));
    const own = (observed: Observed) => observed.events.filter(({ streamId }) => streams.includes(streamId));
    for (const observed of observers) {
      await observed.until('400 own events', () => own(observed).length >= 400);
      expect(ids(own(observed))).toEqual(inOrder);
    }
  });

  it('holds back for a slow consumer and loses nothing', async () => {
    const from = await store.now();
    const stream = store.stream();
    for (let round = 0; round < 10; round += 1) await append(stream, 100);
    const subscription = store.client.subscribeToAll({ fromPosition: from });
    const seen: string[] = [];
    for await (const { event } of subscription) {
      if (event?.streamId !== stream) continue;
      seen.push(event.id);
      if (seen.length === 500) await append(stream, 100);
      if (seen.length === 1100) break;
    }
    await subscription.unsubscribe();
    expect(seen).toEqual(ids(await store.readStream(stream)));
  });

  it('may be repeated and ended many times over one connection', async () => {
    const stream = store.stream();
    const { position } = await append(stream, 1);
    await append(stream, 1);
    for (let round = 0; round < 120; round += 1) {
      const observed = store.observe(store.client.subscribeToAll({ fromPosition: position }));
      await untilOf(observed, stream, 1);
      await observed.stop();
    }
    expect(await store.readStream(stream)).toHaveLength(2);
  });
});
