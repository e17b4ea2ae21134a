import { beforeEach, describe, expect, it } from '@jest/globals';
import { openGeneration } from '#projector/open-generation';
import { LookupUnavailable } from '#key-lookup/lookup-reader';
import { type LookupStore } from '#key-lookup/lookup-store';
import { MemoryKeyLookup } from '#key-lookup/memory-key-lookup';
import { replacing } from './projected-log.ts';

const wanted = { logId: 'this log', shards: 2 };
const upTo = { commit: 7n, prepare: 7n };
const lost = () => Promise.reject(new LookupUnavailable('the reply was lost'));

let lookup: MemoryKeyLookup;
beforeEach(() => {
  lookup = new MemoryKeyLookup();
});

describe('a generation that goes live', () => {
  it('is live, and stays, although the reply to the switch was lost', async () => {
    let losesReplies = true;
    const store = replacing<LookupStore, 'switchLive'>(lookup, 'switchLive', async (from, to) => {
      const switched = await lookup.switchLive(from, to);
      return losesReplies ? lost() : switched;
    });
    const { writer, goLive } = await openGeneration(store, wanted);
    await expect(goLive()).rejects.toThrow('the reply was lost');
    losesReplies = false;
    expect(await goLive()).toBe(true);
    expect([await lookup.live(), await lookup.generations()]).toEqual([writer.name, [writer.name]]);
  });

  it('is live although what it replaces can not be dropped, which is done another time', async () => {
    await lookup.createGeneration('other', { shards: 1, logId: 'another log' });
    await lookup.switchLive(undefined, 'other');
    const store = replacing<LookupStore, 'dropGeneration'>(lookup, 'dropGeneration', lost);
    const { writer, goLive } = await openGeneration(store, wanted);
    expect(await goLive()).toBe(true);
    expect(await lookup.generations()).toEqual(['other', writer.name]);
    await openGeneration(lookup, wanted);
    expect(await lookup.generations()).toEqual([writer.name]);
  });

  it('is dropped where another one is live, and kept where none is', async () => {
    const { writer, goLive } = await openGeneration(lookup, wanted);
    await lookup.createGeneration('first', wanted);
    await lookup.switchLive(undefined, 'first');
    expect(await goLive()).toBe(false);
    expect(await lookup.generations()).toEqual(['first']);
    expect((await openGeneration(lookup, wanted)).writer.name).toBe('first');

    const next = await openGeneration(lookup, { ...wanted, replaced: 'first' });
    expect([writer.name, 'first']).not.toContain(next.writer.name);
    const withoutPointer = replacing<LookupStore, 'live'>(lookup, 'live', () => Promise.resolve(undefined));
    const beside = await openGeneration(withoutPointer, { ...wanted, replaced: 'first' });
    expect(await beside.goLive()).toBe(false);
    expect(await lookup.generations()).toContain(beside.writer.name);
  });
});

describe('a generation that was begun and left', () => {
  it('is gone on with by the next projector, from where it is, and goes live once for both', async () => {
    const first = await openGeneration(lookup, wanted);
    await first.writer.apply({ after: undefined, upTo, events: [] });
    const next = await openGeneration(lookup, wanted);
    expect([next.writer.name, next.writer.resumeAfter]).toEqual([first.writer.name, upTo]);
    expect(await lookup.generations()).toEqual([first.writer.name]);
    expect([await next.goLive(), await first.goLive()]).toEqual([true, true]);
    expect([await lookup.live(), await lookup.generations()]).toEqual([first.writer.name, [first.writer.name]]);
  });

  it('is the furthest of several', async () => {
    await lookup.createGeneration('empty', wanted);
    await lookup.createGeneration('far', wanted);
    await lookup.createGeneration('also empty', wanted);
    for (const shard of [0, 1]) {
      await lookup.writeShard('far', shard, { expected: undefined, checkpoint: upTo, changes: [], legacy: new Map() });
    }
    expect((await openGeneration(lookup, wanted)).writer.name).toBe('far');
  });

  it.each([
    { what: 'is of another log', begin: () => lookup.createGeneration('left', { ...wanted, logId: 'another log' }) },
    { what: 'is known to be of a log that is no more', begin: () => lookup.createGeneration('replaced', wanted) },
    {
      what: 'is retired',
      begin: async () => {
        await lookup.createGeneration('left', wanted);
        const at = { expected: undefined, checkpoint: undefined };
        await lookup.writeShard('left', 0, { ...at, changes: [], legacy: new Map(), retired: true });
      },
    },
    {
      what: 'lost a shard',
      begin: () => lookup.createGeneration('left', { ...wanted, shards: 1 }),
      without: (store: LookupStore) =>
        replacing(store, 'readShard', (name, shard) =>
          name === 'left' ? Promise.resolve(undefined) : store.readShard(name, shard),
        ),
    },
  ])('is dropped where it $what', async ({ begin, without = (store) => store }) => {
    await begin();
    const { writer } = await openGeneration(without(lookup), { ...wanted, replaced: 'replaced' });
    expect(await lookup.generations()).toEqual([writer.name]);
    expect(['left', 'replaced']).not.toContain(writer.name);
  });
});
