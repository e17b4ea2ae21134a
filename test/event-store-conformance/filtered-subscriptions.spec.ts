import {
  END,
  eventTypeFilter,
  excludeSystemEvents,
  streamNameFilter,
  type Filter,
  type Position,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { eventStoreUnderTest, ids } from './event-store-under-test.ts';

const store = eventStoreUnderTest();

/** Enumerator.AllSubscriptionFiltered and EventFilter (EventStore.Core/Util/EventFilter.cs). */
describe('a filtered subscription to $all', () => {
  const typed = (type: string) => store.event(undefined, `${store.run}${type}`);

  /** Three kinds of streams with two types of events each, then a live event of every kind. */
  const observe = async (filter: Filter) => {
    const from = await store.now();
    const kinds = ['apple', 'apricot', 'banana'].map((kind) => store.stream(kind));
    const write = async () => {
      for (const stream of kinds) await store.client.appendToStream(stream, [typed('Grown'), typed('Eaten')]);
    };
    await write();
    const observed = store.observe(store.client.subscribeToAll({ fromPosition: from, filter }));
    await observed.untilCaughtUp();
    await write();
    return { observed, from, kinds };
  };

  const expected = async (from: Position, matches: (event: { streamId: string; type: string }) => boolean) =>
    (await store.readAll({ fromPosition: from }))
      .filter(({ streamId }) => streamId.includes(store.run))
      .filter(matches);

  it.each([
    ['one prefix of stream names', () => [`${store.run}_ap`], /_ap/, 8],
    ['several prefixes', () => [`${store.run}_apple`, `${store.run}_banana`], /_(apple|banana)/, 8],
    ['a prefix with the dash of the category', () => [`${store.run}_apricot-`], /_apricot-/, 4],
  ] as const)('delivers the matches alone, caught up and live: %s', async (_what, prefixes, pattern, count) => {
    const { observed, from } = await observe(streamNameFilter({ prefixes: prefixes() }));
    await observed.untilEvents(count);
    const matches = await expected(from, ({ streamId }) => pattern.test(streamId));
    expect(observed.events).toEqual(matches.slice(0, observed.events.length));
    expect(matches).toHaveLength(count);
  });

  it('takes a regular expression of stream names', async () => {
    const { observed, from } = await observe(streamNameFilter({ regex: `^${store.run}_a.*` }));
    await observed.untilEvents(8);
    expect(observed.events).toEqual(await expected(from, ({ streamId }) => streamId.includes('_a')));
  });

  it('takes a prefix of event types', async () => {
    const { observed, from } = await observe(eventTypeFilter({ prefixes: [`${store.run}Gro`] }));
    await observed.untilEvents(6);
    expect(observed.events).toEqual(await expected(from, ({ type }) => type.endsWith('Grown')));
  });

  it('takes a regular expression of event types', async () => {
    const { observed, from } = await observe(eventTypeFilter({ regex: `^${store.run}(Eaten|Drunk)$` }));
    await observed.untilEvents(6);
    expect(observed.events).toEqual(await expected(from, ({ type }) => type.endsWith('Eaten')));
  });

  it('leaves out system events by the client’s own expression', async () => {
    const from = await store.now();
    const stream = store.stream();
    const observed = store.observe(store.client.subscribeToAll({ fromPosition: from, filter: excludeSystemEvents() }));
    await store.client.setStreamMetadata(stream, { maxCount: 5 });
    const event = store.event();
    await store.client.appendToStream(stream, event);
    await observed.until('the event', () => ids(observed.events).includes(event.id));
    expect(observed.events.filter(({ type }) => type.startsWith('$'))).toEqual([]);
  });

  it('from the end delivers only what comes', async () => {
    const stream = store.stream('cherry');
    await store.client.appendToStream(stream, store.event());
    const filter = streamNameFilter({ prefixes: [stream] });
    const observed = store.observe(store.client.subscribeToAll({ fromPosition: END, filter }));
    await observed.untilCaughtUp();
    const event = store.event();
    await store.client.appendToStream(stream, event);
    await observed.untilEvents(1);
    expect(ids(observed.events)).toEqual([event.id]);
  });

  it('delivers metadata and tombstones whose stream names match', async () => {
    const stream = store.stream('cherry');
    const filter = streamNameFilter({ prefixes: [stream, `$$${stream}`] });
    const observed = store.observe(store.client.subscribeToAll({ fromPosition: END, filter }));
    await observed.untilCaughtUp();
    await store.client.appendToStream(stream, store.event());
    await store.client.setStreamMetadata(stream, { maxCount: 5 });
    await store.client.tombstoneStream(stream);
    await observed.untilEvents(3);
    expect(observed.events.map(({ type }) => type)).toEqual([`${store.run}Happened`, '$metadata', '$streamDeleted']);
  });

  it('loses and repeats nothing between catching up and live, under concurrent writes', async () => {
    const from = await store.now();
    const streams = Array.from({ length: 6 }, (_, index) => store.stream(index % 2 ? 'wanted' : 'other'));
    const writing = Promise.all(
      streams.map(async (stream) => {
        for (let round = 0; round < 60; round += 1) await store.client.appendToStream(stream, store.events(2));
      }),
    );
    const filter = streamNameFilter({ prefixes: [`${store.run}_wanted`] });
    const observers = Array.from({ length: 3 }, () =>
      store.observe(store.client.subscribeToAll({ fromPosition: from, filter })),
    );
    await writing;
    const wanted = await expected(from, ({ streamId }) => streamId.includes('_wanted'));
    expect(wanted).toHaveLength(360);
    for (const observed of observers) {
      await observed.untilEvents(360);
      expect(ids(observed.events)).toEqual(ids(wanted));
    }
  });

  describe('without a match', () => {
    /** Checkpoints only count where they name a place in the log: see the sentinel 2^64 − 1 of a short $all. */
    const genuine = ({ commit }: Position) => commit < 2n ** 63n;

    const observeNothing = (from: Position, checkpoints: Position[]) => {
      const filter = streamNameFilter({
        prefixes: [`${store.run}_no-such-stream`],
        checkpointInterval: 1,
        checkpointReached: (_subscription, position) => {
          if (genuine(position)) checkpoints.push(position);
          observed.check();
        },
      });
      const observed = store.observe(store.client.subscribeToAll({ fromPosition: from, filter }));
      return observed;
    };

    // CatchUp: a checkpoint for each checkpointInterval × 32 events that were considered, and one at the end.
    it('reports checkpoints that rise while it catches up', async () => {
      const from = await store.now();
      const stream = store.stream();
      for (let round = 0; round < 8; round += 1) await store.client.appendToStream(stream, store.events(50));
      const checkpoints: Position[] = [];
      const observed = observeNothing(from, checkpoints);
      await observed.until('checkpoints', () => checkpoints.length >= 5);
      expect(observed.events).toEqual([]);
      const commits = checkpoints.map(({ commit }) => commit);
      expect(commits).toEqual([...commits].sort((a, b) => (a < b ? -1 : 1)));
      expect(commits.at(-1)!).toBeGreaterThan(from.commit);
    });

    // SubscriptionsService: live events are counted towards the interval too.
    it('reports checkpoints while it is live', async () => {
      const checkpoints: Position[] = [];
      const observed = observeNothing(await store.now(), checkpoints);
      await observed.untilCaughtUp();
      const live = await store.now();
      for (let round = 0; round < 3; round += 1) await store.client.appendToStream(store.stream(), store.events(50));
      await observed.until('a live checkpoint', () => checkpoints.some(({ commit }) => commit > live.commit));
    });

    // What a checkpoint is for: nothing that matches lies between it and the place it was reached from.
    it('may be resumed from a checkpoint', async () => {
      const from = await store.now();
      for (let round = 0; round < 4; round += 1) await store.client.appendToStream(store.stream(), store.events(50));
      const checkpoints: Position[] = [];
      const observed = observeNothing(from, checkpoints);
      await observed.until('a checkpoint', () => checkpoints.some(({ commit }) => commit > from.commit));
      await observed.stop();
      const stream = store.stream('late');
      const event = store.event();
      await store.client.appendToStream(stream, event);
      const resumed = store.observe(
        store.client.subscribeToAll({
          fromPosition: checkpoints.at(-1)!,
          filter: streamNameFilter({ prefixes: [`${store.run}_late`] }),
        }),
      );
      await resumed.untilEvents(1);
      expect(ids(resumed.events)).toEqual([event.id]);
    });
  });
});
