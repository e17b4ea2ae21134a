import { BACKWARDS, END, START, type Position } from '@eventstore/db-client';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { eventStoreUnderTest, ids } from './event-store-under-test.ts';

const store = eventStoreUnderTest();

/** The rules are AllReader's (EventStore.Core/Services/Storage/ReaderIndex/AllReader.cs). */
describe('reading $all', () => {
  /** Two streams, written alternately. */
  const streams = [store.stream('odd'), store.stream('even')];
  const written: { readonly id: string; readonly position: Position }[] = [];

  beforeAll(async () => {
    for (let index = 0; index < 60; index += 1) {
      const event = store.event();
      const { position } = await store.client.appendToStream(streams[index % 2]!, event);
      written.push({ id: event.id, position: position! });
    }
  });

  const own = async (options: Parameters<typeof store.readAll>[0]) =>
    (await store.readAll(options)).filter(({ streamId }) => streams.includes(streamId));
  const at = (index: number) => written.at(index)!.position;

  it('gives events in the order of their acknowledgement, across streams', async () => {
    const events = await own({ fromPosition: at(0) });
    expect(ids(events)).toEqual(ids(written));
  });

  it('gives each event the position that its append was answered with', async () => {
    const events = await own({ fromPosition: at(0) });
    expect(events.map(({ position }) => position)).toEqual(written.map(({ position }) => position));
  });

  it('gives positions that only rise, and never a sentinel', async () => {
    const positions = (await store.readAll({ fromPosition: at(0), maxCount: 500 })).map(({ position }) => position!);
    for (const [index, position] of positions.entries()) {
      expect(position.commit).toBeLessThan(2n ** 63n);
      if (index > 0) expect(position.commit).toBeGreaterThan(positions[index - 1]!.commit);
    }
  });

  // Streams.Read: the position of an event that committed itself is known in its stream too.
  it('gives the same events as their streams, with the same positions', async () => {
    const [odd] = await store.readStream(streams[0]!, { maxCount: 1 });
    const [first] = await own({ fromPosition: at(0) });
    expect(odd).toEqual(first);
  });

  // ReadAllEventsForward: positions are pre-positions, "for forward pass position is inclusive".
  it('includes the event at the position, forwards', async () => {
    const [first] = await store.readAll({ fromPosition: at(10), maxCount: 1 });
    expect(first!.id).toBe(written[10]!.id);
  });

  // ReadAllEventsBackward: positions are post-positions, so the event that begins there is left out.
  it('begins before the event at the position, backwards', async () => {
    const before = await own({ fromPosition: at(10), direction: BACKWARDS, maxCount: 5000 });
    expect(ids(before).slice(0, 10)).toEqual(ids(written.slice(0, 10)).reverse());
  });

  it('ends with the newest event: backwards from the end it comes first', async () => {
    const marker = store.event();
    await store.client.appendToStream(store.stream(), marker);
    const newest = await store.readAll({ fromPosition: END, direction: BACKWARDS, maxCount: 5000 });
    const head = newest[0]!.position!.commit;
    expect(newest.every(({ position }) => position!.commit <= head)).toBe(true);
    expect(ids(newest)).toContain(marker.id);
  });

  it.each([1, 31, 32, 33])('stops after maxCount events: %d', async (maxCount) => {
    const forwards = await store.readAll({ fromPosition: at(0), maxCount });
    expect(forwards).toHaveLength(maxCount);
    expect(forwards[0]!.id).toBe(written[0]!.id);
  });

  it('begins with the oldest event, forwards from the start', async () => {
    const [oldest] = await store.readAll({ fromPosition: START, maxCount: 1 });
    expect(oldest!.position!.commit).toBeLessThanOrEqual(at(0).commit);
  });

  // Nothing lies before the start.
  it('gives nothing, backwards from the start', async () => {
    expect(await store.readAll({ fromPosition: START, direction: BACKWARDS, maxCount: 10 })).toEqual([]);
  });

  it('gives the events of one append next to each other, in its order', async () => {
    const stream = store.stream();
    const events = store.events(40);
    const from = await store.now();
    const others = Array.from({ length: 20 }, () => store.client.appendToStream(store.stream(), store.event()));
    await Promise.all([store.client.appendToStream(stream, events), ...others]);
    const read = await store.readAll({ fromPosition: from });
    const first = read.findIndex(({ id }) => id === events[0]!.id);
    expect(ids(read.slice(first, first + 40))).toEqual(ids(events));
  });

  // SystemEventTypes.StreamMetadata: a metadata stream is a stream, and no link stands in for it.
  it('contains system events', async () => {
    const stream = store.stream();
    const from = await store.now();
    await store.client.appendToStream(stream, store.event());
    await store.client.setStreamMetadata(stream, { maxCount: 10 });
    const read = await store.readOwn(stream, { fromPosition: from });
    expect(read.map(({ streamId, type }) => [streamId, type])).toEqual([
      [stream, `${store.run}Happened`],
      [`$$${stream}`, '$metadata'],
    ]);
  });
});
