import { END, START, StreamDeletedError } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { eventStoreUnderTest, ids, revisions } from './event-store-under-test.ts';

const store = eventStoreUnderTest();

const upTo = (last: number) => Array.from({ length: last + 1 }, (_, index) => BigInt(index));

/** The rules are Enumerator.StreamSubscription's (EventStore.Core/Services/Transport/Enumerators). */
describe('subscribing to a stream', () => {
  const ofFifty = async () => {
    const stream = store.stream();
    await store.client.appendToStream(stream, store.events(50));
    return stream;
  };

  it('from the start delivers what is there, then what comes', async () => {
    const stream = await ofFifty();
    const observed = store.observe(store.client.subscribeToStream(stream, { fromRevision: START }));
    await observed.untilEvents(50);
    await observed.untilCaughtUp();
    await store.client.appendToStream(stream, store.events(3));
    await observed.untilEvents(53);
    expect(revisions(observed.events)).toEqual(upTo(52));
  });

  it('is confirmed, and says once that it has caught up', async () => {
    const observed = store.observe(store.client.subscribeToStream(await ofFifty()));
    await observed.untilCaughtUp();
    expect(observed.confirmed).toBe(true);
  });

  // ConvertCheckpoint: "we should send on events _after_ this"
  it('from a revision begins after it', async () => {
    const stream = await ofFifty();
    const observed = store.observe(store.client.subscribeToStream(stream, { fromRevision: 46n }));
    await observed.untilEvents(3);
    expect(revisions(observed.events)).toEqual([47n, 48n, 49n]);
  });

  it('from the last revision waits for the next', async () => {
    const stream = await ofFifty();
    const observed = store.observe(store.client.subscribeToStream(stream, { fromRevision: 49n }));
    await observed.untilCaughtUp();
    await store.client.appendToStream(stream, store.event());
    await observed.untilEvents(1);
    expect(revisions(observed.events)).toEqual([50n]);
  });

  it('from the end delivers only what comes', async () => {
    const stream = await ofFifty();
    const observed = store.observe(store.client.subscribeToStream(stream, { fromRevision: END }));
    await observed.untilCaughtUp();
    await store.client.appendToStream(stream, store.events(2));
    await observed.untilEvents(2);
    expect(revisions(observed.events)).toEqual([50n, 51n]);
  });

  // CatchUp: ReadStreamResult.NoStream is no error.
  it.each([START, END] as const)('that is missing waits for it, from the %s', async (fromRevision) => {
    const stream = store.stream();
    const observed = store.observe(store.client.subscribeToStream(stream, { fromRevision }));
    await observed.untilCaughtUp();
    const events = store.events(2);
    await store.client.appendToStream(stream, events);
    await observed.untilEvents(2);
    expect(ids(observed.events)).toEqual(ids(events));
  });

  it('delivers nothing of other streams', async () => {
    const stream = await ofFifty();
    const observed = store.observe(store.client.subscribeToStream(stream, { fromRevision: END }));
    await observed.untilCaughtUp();
    const last = store.event();
    await Promise.all(Array.from({ length: 5 }, () => store.client.appendToStream(store.stream(), store.event())));
    await store.client.appendToStream(stream, last);
    await observed.untilEvents(1);
    expect(ids(observed.events)).toEqual([last.id]);
  });

  it('loses and repeats nothing between catching up and live, under concurrent writes', async () => {
    const stream = await ofFifty();
    const writing = Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let round = 0; round < 50; round += 1) await store.client.appendToStream(stream, store.events(2));
      }),
    );
    const observers = Array.from({ length: 4 }, () => store.observe(store.client.subscribeToStream(stream)));
    await writing;
    for (const observed of observers) {
      await observed.untilEvents(450);
      expect(revisions(observed.events)).toEqual(upTo(449));
    }
  });

  it('goes on over a soft deletion', async () => {
    const stream = await ofFifty();
    const observed = store.observe(store.client.subscribeToStream(stream, { fromRevision: END }));
    await observed.untilCaughtUp();
    await store.client.deleteStream(stream);
    await store.client.appendToStream(stream, store.event());
    await observed.untilEvents(1);
    expect(revisions(observed.events)).toEqual([50n]);
  });

  // SendEventToSubscription and CatchUp: StreamDeleted.
  it('fails when the stream is tombstoned, and from then on', async () => {
    const stream = await ofFifty();
    const live = store.observe(store.client.subscribeToStream(stream));
    await live.untilCaughtUp();
    await store.client.tombstoneStream(stream);
    await live.until('an error', () => live.error !== undefined);
    const late = store.observe(store.client.subscribeToStream(stream));
    await late.until('an error', () => late.error !== undefined);
    for (const { error } of [live, late]) {
      expect(error).toBeInstanceOf(StreamDeletedError);
      expect((error as StreamDeletedError).streamName).toBe(stream);
    }
  });

  it('delivers nothing more once it is unsubscribed', async () => {
    const stream = await ofFifty();
    const subscription = store.client.subscribeToStream(stream, { fromRevision: END });
    const observed = store.observe(subscription);
    const witness = store.observe(store.client.subscribeToStream(stream, { fromRevision: END }));
    await observed.untilCaughtUp();
    await witness.untilCaughtUp();
    await subscription.unsubscribe();
    await store.client.appendToStream(stream, store.events(3));
    await witness.untilEvents(3);
    expect(observed.events).toEqual([]);
    expect(observed.error).toBeUndefined();
  });
});
