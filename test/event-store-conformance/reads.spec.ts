import { BACKWARDS, END, FORWARDS, START, StreamNotFoundError } from '@eventstore/db-client';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { eventStoreUnderTest, ids, rejection, revisions } from './event-store-under-test.ts';

const store = eventStoreUnderTest();

/** The rules are IndexReader's (EventStore.Core/Services/Storage/ReaderIndex/IndexReader.cs). */
describe('reading a stream', () => {
  let stream: string;
  let written: string[];

  /** More than the server's page of 32 events, so that reads cross pages. */
  const COUNT = 100;

  beforeAll(async () => {
    stream = store.stream();
    const events = store.events(COUNT);
    written = ids(events);
    await store.client.appendToStream(stream, events);
  });

  const all = () => Array.from({ length: COUNT }, (_, index) => BigInt(index));

  it('gives all of it in order, forwards from the start', async () => {
    const events = await store.readStream(stream, { direction: FORWARDS, fromRevision: START });
    expect(ids(events)).toEqual(written);
    expect(revisions(events)).toEqual(all());
  });

  it('gives all of it in reverse, backwards from the end', async () => {
    const events = await store.readStream(stream, { direction: BACKWARDS, fromRevision: END });
    expect(revisions(events)).toEqual(all().reverse());
  });

  it('begins at the named revision in both directions', async () => {
    expect(revisions(await store.readStream(stream, { fromRevision: 97n }))).toEqual([97n, 98n, 99n]);
    const backwards = await store.readStream(stream, { direction: BACKWARDS, fromRevision: 2n });
    expect(revisions(backwards)).toEqual([2n, 1n, 0n]);
  });

  it('gives the first event alone, backwards from the start', async () => {
    expect(revisions(await store.readStream(stream, { direction: BACKWARDS, fromRevision: START }))).toEqual([0n]);
  });

  // "early return if we are trying to read events that are all above the upper bound"
  it('gives nothing and no error, forwards from beyond the end', async () => {
    expect(await store.readStream(stream, { fromRevision: 100n })).toEqual([]);
    expect(await store.readStream(stream, { fromRevision: 5_000_000_000n })).toEqual([]);
  });

  it('begins at the last event, backwards from beyond the end', async () => {
    const events = await store.readStream(stream, { direction: BACKWARDS, fromRevision: 110n, maxCount: 20 });
    expect(events[0]!.revision).toBe(99n);
  });

  it.each([1, 31, 32, 33, 64, 65])('stops after maxCount events: %d', async (maxCount) => {
    const forwards = await store.readStream(stream, { maxCount });
    expect(revisions(forwards)).toEqual(all().slice(0, maxCount));
    const backwards = await store.readStream(stream, { maxCount, direction: BACKWARDS, fromRevision: END });
    expect(revisions(backwards)).toEqual(all().reverse().slice(0, maxCount));
  });

  it('gives what there is when maxCount is more', async () => {
    expect(await store.readStream(stream, { fromRevision: 95n, maxCount: 1000 })).toHaveLength(5);
  });

  // ReadResponse.StreamNotFound
  it.each([FORWARDS, BACKWARDS] as const)('fails for a missing stream, %s', async (direction) => {
    const missing = store.stream('missing');
    const error = await rejection(
      store.readStream(missing, { direction, fromRevision: direction === FORWARDS ? START : END }),
    );
    expect(error).toBeInstanceOf(StreamNotFoundError);
    expect((error as StreamNotFoundError).streamName).toBe(missing);
  });

  it('gives an append at once after its acknowledgement', async () => {
    const own = store.stream();
    for (let revision = 0n; revision < 20n; revision += 1n) {
      await store.client.appendToStream(own, store.event());
      const [last] = await store.readStream(own, { direction: BACKWARDS, fromRevision: END, maxCount: 1 });
      expect(last!.revision).toBe(revision);
    }
  });

  // RequiresLeader is a header; a single node is its own leader.
  it('answers a read that requires the leader', async () => {
    expect(await store.readStream(stream, { requiresLeader: true, maxCount: 1 })).toHaveLength(1);
  });

  it('takes any stream name that is text', async () => {
    const name = `${store.stream('naïve ключ 🔑/?#%')} with spaces`;
    await store.client.appendToStream(name, store.event());
    const [event] = await store.readStream(name);
    expect(event!.streamId).toBe(name);
  });
});
