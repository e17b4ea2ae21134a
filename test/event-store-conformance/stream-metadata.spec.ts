import {
  BACKWARDS,
  END,
  NO_STREAM,
  STREAM_EXISTS,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { setTimeout } from 'node:timers/promises';
import { eventStoreUnderTest, rejection, revisions } from './event-store-under-test.ts';

const store = eventStoreUnderTest();

const ofFive = async () => {
  const stream = store.stream();
  await store.client.appendToStream(stream, store.events(5));
  return stream;
};

/** Metadata are the last event of the stream `$$<name>` (SystemStreams.MetastreamOf); each write replaces the last. */
describe('stream metadata', () => {
  it('are none until they are set', async () => {
    const stream = await ofFive();
    expect(await store.client.getStreamMetadata(stream)).toEqual({ streamName: stream });
  });

  it('come back as they were set, own keys too', async () => {
    const stream = await ofFive();
    const metadata = { maxCount: 100, maxAge: 86_400, cacheControl: 60, truncateBefore: 1, owner: { team: 'keys' } };
    await store.client.setStreamMetadata(stream, metadata);
    expect((await store.client.getStreamMetadata(stream)).metadata).toEqual(metadata);
  });

  it('are stored under the names that the server knows', async () => {
    const stream = await ofFive();
    await store.client.setStreamMetadata(stream, { maxCount: 3, maxAge: 60, truncateBefore: 2 });
    const [event] = await store.readStream(`$$${stream}`);
    expect(event).toMatchObject({ type: '$metadata', revision: 0n, data: { $maxCount: 3, $maxAge: 60, $tb: 2 } });
  });

  it('may be set before the stream exists', async () => {
    const stream = store.stream();
    await store.client.setStreamMetadata(stream, { maxCount: 2 });
    await store.client.appendToStream(stream, store.events(3), { expectedRevision: NO_STREAM });
    expect(revisions(await store.readStream(stream))).toEqual([1n, 2n]);
  });

  // IndexWriter.CheckCommit: StreamExists looks at the metadata stream where the stream has no events.
  it('alone make a stream exist for an append, but not for a read', async () => {
    const stream = store.stream();
    await store.client.setStreamMetadata(stream, { owner: 'somebody' });
    expect(await rejection(store.readStream(stream))).toBeInstanceOf(StreamNotFoundError);
    const result = await store.client.appendToStream(stream, store.event(), { expectedRevision: STREAM_EXISTS });
    expect(result.nextExpectedRevision).toBe(0n);
  });

  it('replace what was set before', async () => {
    const stream = await ofFive();
    await store.client.setStreamMetadata(stream, { maxCount: 2, owner: 'first' });
    await store.client.setStreamMetadata(stream, { owner: 'second' });
    expect((await store.client.getStreamMetadata(stream)).metadata).toEqual({ owner: 'second' });
    expect(await store.readStream(stream)).toHaveLength(5);
  });

  // A metadata stream is a stream to IndexWriter.CheckCommit.
  it('are written at an expected revision of their own', async () => {
    const stream = await ofFive();
    await store.client.setStreamMetadata(stream, { owner: 'a' }, { expectedRevision: NO_STREAM });
    await store.client.setStreamMetadata(stream, { owner: 'b' }, { expectedRevision: 0n });
    const late = store.client.setStreamMetadata(stream, { owner: 'c' }, { expectedRevision: 0n });
    const error = await rejection(late);
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
    expect(error).toMatchObject({ streamName: `$$${stream}`, expectedVersion: 0n, actualVersion: 1n });
    expect((await store.client.getStreamMetadata(stream)).metadata).toEqual({ owner: 'b' });
  });

  it('never change the revision that the stream is appended at', async () => {
    const stream = await ofFive();
    await store.client.setStreamMetadata(stream, { truncateBefore: 5 });
    const result = await store.client.appendToStream(stream, store.event(), { expectedRevision: 4n });
    expect(result.nextExpectedRevision).toBe(5n);
  });
});

/** IndexReader: the lower bound of a read is the highest of $tb, lastEventNumber − $maxCount + 1 and $maxAge. */
describe('what stream metadata hide', () => {
  it('is all but the last $maxCount events, in both directions', async () => {
    const stream = await ofFive();
    await store.client.setStreamMetadata(stream, { maxCount: 2 });
    expect(revisions(await store.readStream(stream))).toEqual([3n, 4n]);
    expect(revisions(await store.readStream(stream, { direction: BACKWARDS, fromRevision: END }))).toEqual([4n, 3n]);
    await store.client.appendToStream(stream, store.event());
    expect(revisions(await store.readStream(stream))).toEqual([4n, 5n]);
  });

  it('is every event before $tb', async () => {
    const stream = await ofFive();
    await store.client.setStreamMetadata(stream, { truncateBefore: 3 });
    expect(revisions(await store.readStream(stream))).toEqual([3n, 4n]);
    expect(revisions(await store.readStream(stream, { fromRevision: 1n }))).toEqual([3n, 4n]);
    expect(revisions(await store.readStream(stream, { fromRevision: 4n }))).toEqual([4n]);
    expect(await store.readStream(stream, { direction: BACKWARDS, fromRevision: 2n })).toEqual([]);
  });

  // "startEventNumber > lastEventNumber": no events, but a stream that exists.
  it('may be everything; the stream exists all the same', async () => {
    const stream = await ofFive();
    await store.client.setStreamMetadata(stream, { truncateBefore: 5 });
    expect(await store.readStream(stream)).toEqual([]);
    await store.client.appendToStream(stream, store.event(), { expectedRevision: STREAM_EXISTS });
    expect(revisions(await store.readStream(stream))).toEqual([5n]);
  });

  // ForStreamWithMaxAge: the age in seconds, against the time of the event.
  it('is every event older than $maxAge seconds', async () => {
    const stream = await ofFive();
    await store.client.setStreamMetadata(stream, { maxAge: 3600 });
    expect(await store.readStream(stream)).toHaveLength(5);
    await store.client.setStreamMetadata(stream, { maxAge: 1 });
    while ((await store.readStream(stream)).length > 0) await setTimeout(20);
    await store.client.appendToStream(stream, store.event());
    expect(revisions(await store.readStream(stream))).toEqual([5n]);
  });

  // AllReader knows no metadata; only a scavenge removes the events.
  it('is still in $all', async () => {
    const from = await store.now();
    const stream = await ofFive();
    await store.client.setStreamMetadata(stream, { maxCount: 1, truncateBefore: 4 });
    const read = await store.readOwn(stream, { fromPosition: from });
    expect(read.filter(({ streamId }) => streamId === stream)).toHaveLength(5);
  });

  // StreamSubscription.CatchUp reads the stream as readStream does.
  it('is not caught up by a subscription to the stream', async () => {
    const stream = await ofFive();
    await store.client.setStreamMetadata(stream, { truncateBefore: 3 });
    const observed = store.observe(store.client.subscribeToStream(stream));
    await store.client.appendToStream(stream, store.event());
    await observed.untilEvents(3);
    expect(revisions(observed.events)).toEqual([3n, 4n, 5n]);
  });
});
