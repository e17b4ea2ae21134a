import {
  ANY,
  NO_STREAM,
  STREAM_EXISTS,
  WrongExpectedVersionError,
  type AppendExpectedRevision,
  type EventData,
} from '@eventstore/db-client';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { WAYS, eventStoreUnderTest, ids, rejection } from './event-store-under-test.ts';

const store = eventStoreUnderTest();

/** Every rule here is IndexWriter.CheckCommit's (EventStore.Core/Services/Storage/ReaderIndex/IndexWriter.cs). */
describe.each(WAYS)('event ids that are known, by $way', ({ way }) => {
  const append = (to: string, expectedRevision: AppendExpectedRevision, events: EventData[]) =>
    store.client.appendToStream(to, events, { expectedRevision, ...store.append(way) });

  let stream: string;
  /** Stored at the revisions 0 to 3. */
  let stored: EventData[];

  beforeEach(async () => {
    stream = store.stream();
    stored = store.events(4);
    await append(stream, NO_STREAM, stored);
  });

  const refusedWith = async (expected: AppendExpectedRevision, events: EventData[]) => {
    const error = await rejection(append(stream, expected, events));
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
    expect(error).toMatchObject({ streamName: stream, expectedVersion: expected, actualVersion: 3n });
    expect(ids(await store.readStream(stream))).toEqual(ids(stored));
  };

  /** Idempotent success: the revision and position are those of the last event of the request, as it is stored. */
  const answeredAsStored = async (expected: AppendExpectedRevision, events: EventData[], lastRevision: bigint) => {
    const result = await append(stream, expected, events);
    const unchanged = await store.readStream(stream);
    expect(ids(unchanged)).toEqual(ids(stored));
    expect(result).toMatchObject({ success: true, nextExpectedRevision: lastRevision });
    expect(result.position).toEqual(unchanged[Number(lastRevision)]!.position);
  };

  describe.each([ANY, STREAM_EXISTS] as const)('at the expectation %s', (expected) => {
    it('answers a repeated append as the first time', () => answeredAsStored(expected, stored, 3n));

    it('answers the beginning of one with the last event that it names', () =>
      answeredAsStored(expected, stored.slice(0, 2), 1n));

    it('answers the end of one', () => answeredAsStored(expected, stored.slice(2), 3n));

    // CorruptedIdempotency, which StorageWriterService.ActOnCommitCheckFailure answers as a wrong version.
    it('refuses known ids that are followed by a new one', () =>
      refusedWith(expected, [...stored.slice(2), store.event()]));

    it('writes everything when the first id is new, known ids too', async () => {
      const events = [store.event(), stored[0]!];
      expect(await append(stream, expected, events)).toMatchObject({ nextExpectedRevision: 5n });
      expect(ids(await store.readStream(stream, { fromRevision: 4n }))).toEqual(ids(events));
    });
  });

  describe('at the original revision', () => {
    it('answers a repeated append as the first time, from NO_STREAM', () => answeredAsStored(NO_STREAM, stored, 3n));

    it('answers the beginning of one, from NO_STREAM', () => answeredAsStored(NO_STREAM, stored.slice(0, 2), 1n));

    it('answers a repeated append as the first time, from a revision', () => answeredAsStored(1n, stored.slice(2), 3n));

    it('answers the beginning of one, from a revision', () => answeredAsStored(0n, stored.slice(1, 2), 1n));

    it('does so after others have written on', async () => {
      await append(stream, 3n, store.events(2));
      const result = await append(stream, NO_STREAM, stored);
      expect(result).toMatchObject({ success: true, nextExpectedRevision: 3n });
      expect(await store.readStream(stream)).toHaveLength(6);
    });

    it('refuses more than was stored', () => refusedWith(NO_STREAM, [...stored, store.event()]));

    it('refuses another order', () => refusedWith(NO_STREAM, [stored[1]!, stored[0]!]));

    it('refuses other ids', () => refusedWith(1n, store.events(2)));
  });

  describe('at another revision', () => {
    it('refuses the end of an append at its beginning', () => refusedWith(NO_STREAM, stored.slice(2)));

    it('refuses a repeated append at a revision that it was not written at', () => refusedWith(0n, stored.slice(2)));

    // expectedVersion == curVersion is Ok before any id is looked at.
    it('writes known ids again at the last revision', async () => {
      expect(await append(stream, 3n, stored.slice(0, 1))).toMatchObject({ nextExpectedRevision: 4n });
      expect(ids(await store.readStream(stream))).toEqual([...ids(stored), stored[0]!.id]);
    });
  });

  // EventInfo holds the stream: an id is known in its own stream alone.
  it('are written to another stream', async () => {
    const other = store.stream();
    expect(await append(other, ANY, stored)).toMatchObject({ nextExpectedRevision: 3n });
    expect(ids(await store.readStream(other))).toEqual(ids(stored));
  });
});

// The two ways meet in one writer: a retry may take the other way.
it('recognises an append that is repeated the other way', async () => {
  const stream = store.stream();
  const events = store.events(2);
  const first = await store.client.appendToStream(stream, events, { expectedRevision: NO_STREAM });
  const again = await store.client.appendToStream(stream, events, {
    expectedRevision: NO_STREAM,
    ...store.append('plain append'),
  });
  expect(again).toEqual(first);
});
