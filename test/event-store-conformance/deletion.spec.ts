import {
  ANY,
  BACKWARDS,
  END,
  NO_STREAM,
  STREAM_EXISTS,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { WAYS, eventStoreUnderTest, ids, rejection, revisions } from './event-store-under-test.ts';

const store = eventStoreUnderTest();
const NEVER = 2 ** 63;

const ofThree = async () => {
  const stream = store.stream();
  await store.client.appendToStream(stream, store.events(3));
  return stream;
};

/** StorageWriterService.WriteDelete without HardDelete (EventStore.Core/Services/Storage/StorageWriterService.cs). */
describe('a soft-deleted stream', () => {
  const softDeleted = async () => {
    const stream = await ofThree();
    await store.client.deleteStream(stream, { expectedRevision: 2n });
    return stream;
  };

  // IndexReader: TruncateBefore == DeletedStream reads as NoStream.
  it('reads as missing in both directions', async () => {
    const stream = await softDeleted();
    expect(await rejection(store.readStream(stream))).toBeInstanceOf(StreamNotFoundError);
    const backwards = store.readStream(stream, { direction: BACKWARDS, fromRevision: END });
    expect(await rejection(backwards)).toBeInstanceOf(StreamNotFoundError);
  });

  it('is marked by a metadata event, whose position the deletion is answered with', async () => {
    const stream = await ofThree();
    const { position } = await store.client.deleteStream(stream);
    const [marker] = await store.readOwn(stream, { fromPosition: position! });
    expect(marker).toMatchObject({ streamId: `$$${stream}`, type: '$metadata', data: { $tb: NEVER }, position });
  });

  it('keeps its events in $all', async () => {
    const from = await store.now();
    const stream = await softDeleted();
    const kept = await store.readOwn(stream, { fromPosition: from });
    expect(kept.filter(({ streamId }) => streamId === stream)).toHaveLength(3);
  });

  // CheckCommit: NoStream below curVersion of a soft-deleted stream is Ok; Any and the last revision are anyway.
  describe.each(WAYS)('by $way', ({ way }) => {
    it.each([NO_STREAM, ANY, 2n] as const)('is created again at the expectation %s, numbered on', async (expected) => {
      const stream = await softDeleted();
      const events = store.events(2);
      const result = await store.client.appendToStream(stream, events, {
        expectedRevision: expected,
        ...store.append(way),
      });
      expect(result).toMatchObject({ success: true, nextExpectedRevision: 4n });
      const read = await store.readStream(stream);
      expect(revisions(read)).toEqual([3n, 4n]);
      expect(ids(read)).toEqual(ids(events));
    });

    // CheckCommit: StreamExists of a soft-deleted stream is Deleted.
    it('refuses STREAM_EXISTS as deleted', async () => {
      const stream = await softDeleted();
      const append = store.client.appendToStream(stream, store.event(), {
        expectedRevision: STREAM_EXISTS,
        ...store.append(way),
      });
      expect(await rejection(append)).toMatchObject({ streamName: stream, type: 'stream-deleted' });
    });

    it('refuses a wrong revision with the last one', async () => {
      const stream = await softDeleted();
      const append = store.client.appendToStream(stream, store.event(), { expectedRevision: 0n, ...store.append(way) });
      expect(await rejection(append)).toMatchObject({ expectedVersion: 0n, actualVersion: 2n });
    });
  });

  // SoftUndeleteStream rewrites the metadata with TruncateBefore at the first new revision.
  it('has the first new revision as $tb once it is created again', async () => {
    const stream = await softDeleted();
    await store.client.appendToStream(stream, store.event());
    const { metadata } = await store.client.getStreamMetadata(stream);
    expect(metadata).toEqual({ truncateBefore: 3 });
  });

  it('may be deleted again, before and after it is created again', async () => {
    const stream = await softDeleted();
    await store.client.deleteStream(stream);
    await store.client.appendToStream(stream, store.event());
    await store.client.deleteStream(stream, { expectedRevision: 3n });
    expect(await rejection(store.readStream(stream))).toBeInstanceOf(StreamNotFoundError);
    await store.client.appendToStream(stream, store.event());
    expect(revisions(await store.readStream(stream))).toEqual([4n]);
  });

  // WriteDelete writes new metadata that hold nothing but TruncateBefore.
  it('loses its other metadata', async () => {
    const stream = await ofThree();
    await store.client.setStreamMetadata(stream, { maxCount: 2, owner: 'somebody' });
    await store.client.deleteStream(stream);
    const { metadata } = await store.client.getStreamMetadata(stream);
    expect(metadata).toEqual({ truncateBefore: NEVER });
  });
});

describe('a deletion', () => {
  // Streams.Delete.DeleteInternal: RpcExceptions.WrongExpectedVersion with the expectation as a number.
  it.each([
    [0n, 0n],
    [5n, 5n],
    [NO_STREAM, -1n],
  ] as const)('is refused when it expects %s of three events', async (expectedRevision, expectedVersion) => {
    const stream = await ofThree();
    const error = await rejection(store.client.deleteStream(stream, { expectedRevision }));
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
    expect(error).toMatchObject({ streamName: stream, expectedVersion, actualVersion: 2n });
    expect(await store.readStream(stream)).toHaveLength(3);
  });

  // WriteDelete: neither events nor metadata.
  it('of a missing stream is refused, even at ANY', async () => {
    const stream = store.stream('missing');
    const error = await rejection(store.client.deleteStream(stream));
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
    expect(error).toMatchObject({ streamName: stream, expectedVersion: -2n, actualVersion: -1n });
  });
});

/** WriteDelete with HardDelete; EventNumber.DeletedStream is 2^63 − 1. */
describe('a tombstoned stream', () => {
  const tombstoned = async () => {
    const stream = await ofThree();
    await store.client.tombstoneStream(stream, { expectedRevision: 2n });
    return stream;
  };

  it('ends $all with $streamDeleted at the position that the tombstone was answered with', async () => {
    const from = await store.now();
    const stream = await ofThree();
    const { position } = await store.client.tombstoneStream(stream);
    const read = await store.readOwn(stream, { fromPosition: from });
    expect(read).toHaveLength(4);
    expect(read[3]).toMatchObject({ streamId: stream, type: '$streamDeleted', revision: 2n ** 63n - 1n, position });
  });

  it('reads as deleted in both directions', async () => {
    const stream = await tombstoned();
    const error = await rejection(store.readStream(stream));
    expect(error).toBeInstanceOf(StreamDeletedError);
    expect((error as StreamDeletedError).streamName).toBe(stream);
    const backwards = store.readStream(stream, { direction: BACKWARDS, fromRevision: END });
    expect(await rejection(backwards)).toBeInstanceOf(StreamDeletedError);
  });

  describe.each(WAYS)('by $way', ({ way }) => {
    it.each([ANY, NO_STREAM, STREAM_EXISTS, 2n, 0n] as const)('refuses every append, at %s too', async (expected) => {
      const stream = await tombstoned();
      const error = await rejection(
        store.client.appendToStream(stream, store.event(), { expectedRevision: expected, ...store.append(way) }),
      );
      expect(error).toBeInstanceOf(StreamDeletedError);
      expect((error as StreamDeletedError).streamName).toBe(stream);
    });
  });

  it('refuses to be deleted or tombstoned again', async () => {
    const stream = await tombstoned();
    expect(await rejection(store.client.deleteStream(stream))).toBeInstanceOf(StreamDeletedError);
    expect(await rejection(store.client.tombstoneStream(stream))).toBeInstanceOf(StreamDeletedError);
  });

  // IndexReader.GetStreamLastEventNumberCached: the metadata stream of a deleted stream is deleted with it.
  it('takes its metadata stream with it', async () => {
    const stream = await tombstoned();
    expect(await rejection(store.readStream(`$$${stream}`))).toBeInstanceOf(StreamDeletedError);
    const error = await rejection(store.client.setStreamMetadata(stream, { maxCount: 1 }));
    expect(error).toBeInstanceOf(StreamDeletedError);
    expect((error as StreamDeletedError).streamName).toBe(`$$${stream}`);
  });

  it('may have been soft-deleted before', async () => {
    const stream = await ofThree();
    await store.client.deleteStream(stream);
    await store.client.tombstoneStream(stream);
    expect(await rejection(store.readStream(stream))).toBeInstanceOf(StreamDeletedError);
  });

  it('need never have existed', async () => {
    const stream = store.stream('missing');
    await store.client.tombstoneStream(stream);
    expect(await rejection(store.client.appendToStream(stream, store.event()))).toBeInstanceOf(StreamDeletedError);
  });

  it('is not made at a wrong revision', async () => {
    const stream = await ofThree();
    const error = await rejection(store.client.tombstoneStream(stream, { expectedRevision: 1n }));
    expect(error).toMatchObject({ streamName: stream, expectedVersion: 1n, actualVersion: 2n });
    expect(await store.readStream(stream)).toHaveLength(3);
  });
});
