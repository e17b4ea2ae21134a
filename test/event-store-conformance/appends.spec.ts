import {
  ANY,
  MaxAppendSizeExceededError,
  NO_STREAM,
  STREAM_EXISTS,
  StreamNotFoundError,
  WrongExpectedVersionError,
  binaryEvent,
  type AppendExpectedRevision,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { WAYS, eventStoreUnderTest, ids, rejection, revisions } from './event-store-under-test.ts';

const store = eventStoreUnderTest();

describe.each(WAYS)('an append by $way', ({ way }) => {
  const append = (stream: string, expectedRevision: AppendExpectedRevision, events = store.events(1)) =>
    store.client.appendToStream(stream, events, { expectedRevision, ...store.append(way) });

  const refused = async (stream: string, expectedRevision: AppendExpectedRevision) => {
    const error = await rejection(append(stream, expectedRevision));
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
    const { streamName, expectedVersion, actualVersion } = error as WrongExpectedVersionError;
    expect(streamName).toBe(stream);
    return { expectedVersion, actualVersion };
  };

  /** A stream whose last revision is 2. */
  const ofThree = async () => {
    const stream = store.stream();
    await append(stream, NO_STREAM, store.events(3));
    return stream;
  };

  // IndexWriter.CheckCommitForNewStream: Any and NoStream are Ok, all else is a wrong version.
  it.each([ANY, NO_STREAM] as const)('creates a missing stream when it expects %s', async (expected) => {
    const stream = store.stream();
    const events = store.events(2);
    expect(await append(stream, expected, events)).toMatchObject({ success: true, nextExpectedRevision: 1n });
    expect(ids(await store.readStream(stream))).toEqual(ids(events));
  });

  it.each([STREAM_EXISTS, 0n, 7n] as const)('of a missing stream is refused when it expects %s', async (expected) => {
    const stream = store.stream();
    expect(await refused(stream, expected)).toEqual({ expectedVersion: expected, actualVersion: NO_STREAM });
    expect(await rejection(store.readStream(stream))).toBeInstanceOf(StreamNotFoundError);
  });

  // IndexWriter.CheckCommit: expectedVersion == curVersion, Any and StreamExists are Ok for new ids.
  it.each([ANY, STREAM_EXISTS, 2n] as const)('continues a stream when it expects %s', async (expected) => {
    const stream = await ofThree();
    const events = store.events(2);
    expect(await append(stream, expected, events)).toMatchObject({ success: true, nextExpectedRevision: 4n });
    const stored = await store.readStream(stream);
    expect(revisions(stored)).toEqual([0n, 1n, 2n, 3n, 4n]);
    expect(ids(stored).slice(3)).toEqual(ids(events));
  });

  // IndexWriter.CheckCommit: above or below curVersion with other ids; Streams.Append and Status.WrongExpectedVersion
  // send back the expectation as it was sent, and the current revision.
  it.each([
    [NO_STREAM, 'what exists'],
    [0n, 'a revision too low'],
    [1n, 'a revision too low by one'],
    [3n, 'a revision too high by one'],
    [9_007_199_254_740_993n, 'a revision above 2^53'],
  ] as const)('is refused when it expects %s of three events: %s', async (expected, _what) => {
    const stream = await ofThree();
    expect(await refused(stream, expected)).toEqual({ expectedVersion: expected, actualVersion: 2n });
    expect(await store.readStream(stream)).toHaveLength(3);
  });

  // StorageWriterService.WritePrepares: one transaction; StorageChaser acknowledges the position of its last record.
  it('of several events answers with the position of the last', async () => {
    const stream = store.stream();
    const { position } = await append(stream, NO_STREAM, store.events(5));
    const stored = await store.readOwn(stream, { fromPosition: position! });
    expect(revisions(stored)).toEqual([4n]);
    expect(stored[0]!.position).toEqual(position);
  });

  it('gets a position above that of every append acknowledged before', async () => {
    const first = await append(store.stream(), ANY);
    const second = await append(store.stream(), ANY);
    expect(second.position!.commit).toBeGreaterThan(first.position!.commit);
    expect(second.position!.prepare).toBe(second.position!.commit);
  });

  // StorageWriterService.WritePrepares with no events writes a prepare without data; it is no event of any stream.
  it.each([ANY, NO_STREAM] as const)('of nothing succeeds and creates nothing when it expects %s', async (expected) => {
    const stream = store.stream();
    expect(await append(stream, expected, [])).toMatchObject({ success: true });
    expect(await rejection(store.readStream(stream))).toBeInstanceOf(StreamNotFoundError);
  });

  it('of nothing keeps the revision of an existing stream', async () => {
    const stream = await ofThree();
    expect(await append(stream, 2n, [])).toMatchObject({ success: true, nextExpectedRevision: 2n });
    expect(await append(stream, ANY, [])).toMatchObject({ success: true, nextExpectedRevision: 2n });
    expect(await store.readStream(stream)).toHaveLength(3);
  });

  // IndexWriter.CheckCommit: "no data in transaction" below curVersion is a wrong version.
  it('of nothing is refused at a revision that is not the last', async () => {
    const stream = await ofThree();
    const error = await rejection(append(stream, 1n, []));
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
  });

  // Streams.Append and Streams.BatchAppend: the sum over the events against MaxAppendSize, by default 1,048,576 bytes.
  it('of a million bytes is accepted', async () => {
    const stream = store.stream();
    await append(stream, NO_STREAM, [bytes(1_000_000)]);
    const [stored] = await store.readStream(stream);
    // Compared by hand: Jest takes seconds for a buffer of this size.
    expect(Buffer.alloc(1_000_000, 7).equals(stored!.data as Uint8Array)).toBe(true);
  });

  it.each([
    ['one event', [1_048_577]],
    ['events that are too large together', [600_000, 600_000]],
  ])('above 1,048,576 bytes is refused and writes nothing: %s', async (_what, sizes) => {
    const stream = store.stream();
    const error = await rejection(append(stream, NO_STREAM, sizes.map(bytes)));
    expect(error).toBeInstanceOf(MaxAppendSizeExceededError);
    expect((error as MaxAppendSizeExceededError).maxAppendSize).toBe(1_048_576);
    expect(await rejection(store.readStream(stream))).toBeInstanceOf(StreamNotFoundError);
    expect(await append(stream, NO_STREAM)).toMatchObject({ success: true, nextExpectedRevision: 0n });
  });

  // One writer thread: StorageWriterService handles one WritePrepares after another.
  it('wins or loses as a whole against others at the same revision', async () => {
    const stream = await ofThree();
    const batches = Array.from({ length: 8 }, () => store.events(3));
    const outcomes = await Promise.allSettled(batches.map((events) => append(stream, 2n, events)));
    const won = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [batches[index]!] : []));
    expect(won).toHaveLength(1);
    const stored = await store.readStream(stream, { fromRevision: 3n });
    expect(ids(stored)).toEqual(ids(won[0]!));
  });

  // The client's own switch; what the server sends is the same refusal.
  it('reports a refusal by a value where throwOnAppendFailure is off', async () => {
    const stream = await ofThree();
    const client = store.connect({ throwOnAppendFailure: 'false' });
    const result = await client.appendToStream(stream, store.event(), { expectedRevision: 0n, ...store.append(way) });
    expect(result.success).toBe(false);
    expect(await store.readStream(stream)).toHaveLength(3);
  });
});

function bytes(length: number) {
  return binaryEvent({ type: `${store.run}Large`, data: Buffer.alloc(length, 7) });
}
