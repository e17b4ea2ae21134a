import { beforeEach, expect, it } from '@jest/globals';
import { GenerationWriter } from '#key-lookup/generation-writer';
import { type LookupReader, LookupUnavailable } from '#key-lookup/lookup-reader';
import { lookUpAll } from '#testing/look-up-all';
import { type Context } from './contract-context.ts';
import { at, batch, entryOf, hashOf, liveGeneration, prove, put } from './lookup-fixtures.ts';

const MAX_STALENESS_MS = 1000;

export function freshnessContract({ lookup, shards }: Context): void {
  let nowMs: number;
  const monotonicMs = () => nowMs;
  const ann = entryOf('ann');
  const open = (name = 'first') => GenerationWriter.open(lookup().store, name);
  const newReader = () => lookup().reader({ maxStalenessMs: MAX_STALENESS_MS, monotonicMs });
  const fresh = async (reader: LookupReader) => (await reader.shards()).every((shard) => shard.fresh);

  beforeEach(() => {
    nowMs = 1_000_000;
  });

  it('has no answer before a generation is live', async () => {
    const reader = await newReader();
    await lookup().store.createGeneration('first', { shards, logId: 'log' });
    await expect(lookUpAll(reader, [hashOf('k')])).rejects.toThrow(LookupUnavailable);
    await expect(reader.shards()).rejects.toThrow(LookupUnavailable);
    await lookup().store.switchLive(undefined, 'first');
    expect(await reader.shards()).toHaveLength(shards);
  });

  it('takes no generation for fresh before the first proof, however much it holds', async () => {
    const reader = await newReader();
    await liveGeneration(lookup().store, shards);
    await (await open()).apply(batch(0, [put('k', ann)]));
    expect(await fresh(reader)).toBe(false);
    expect((await lookUpAll(reader, [hashOf('k')]))[0]?.shard.fresh).toBe(false);
  });

  it('takes a stamp that it found for nothing, and one that it saw change for a proof', async () => {
    await liveGeneration(lookup().store, shards);
    const writer = await open();
    await prove(writer, undefined, 5, 'one');
    const reader = await newReader();
    expect(await fresh(reader)).toBe(false);
    await writer.apply(batch(5, [put('k', ann)]));
    expect(await fresh(reader)).toBe(false);
    await prove(writer, 6, 6, 'two');
    expect(await fresh(reader)).toBe(true);
  });

  it('is stale when the last proof is older than the bound by the reader’s clock, and fresh again after the next', async () => {
    await liveGeneration(lookup().store, shards);
    const writer = await open();
    const reader = await newReader();
    expect(await fresh(reader)).toBe(false);
    await prove(writer, undefined, 5, 'one');
    expect(await fresh(reader)).toBe(true);
    nowMs += MAX_STALENESS_MS;
    expect(await fresh(reader)).toBe(true);
    nowMs += 1;
    expect(await fresh(reader)).toBe(false);
    await writer.apply(batch(5, [put('k', ann)]));
    await prove(writer, 6, 6, 'one');
    expect(await fresh(reader)).toBe(false);
    await prove(writer, 6, 6, 'two');
    expect(await fresh(reader)).toBe(true);
  });

  it('says of its answers that the log was out of sight, and when that is over', async () => {
    await liveGeneration(lookup().store, shards);
    const writer = await open();
    const reader = await newReader();
    await prove(writer, undefined, 5, 'one');
    const unproved = async () => {
      const [answer] = await lookUpAll(reader, [hashOf('k')]);
      return [answer?.shard, ...(await reader.shards())].map((shard) => shard?.unproved);
    };
    expect(new Set(await unproved())).toEqual(new Set([false]));
    await writer.doubt();
    expect(new Set(await unproved())).toEqual(new Set([true]));
    expect(await fresh(reader)).toBe(true);
    const advanced = reader.advanced(new AbortController().signal);
    await writer.apply({ after: at(5), upTo: at(5)!, events: [], stamp: 'two', unproved: false });
    await advanced;
    expect(new Set(await unproved())).toEqual(new Set([false]));
  });

  it('never answers from a retired generation, and follows the pointer to the new one', async () => {
    await liveGeneration(lookup().store, shards);
    const reader = await newReader();
    const old = await open();
    await old.apply(batch(0, [put('k', ann)]));
    await lookup().store.createGeneration('second', { shards: shards + 1, logId: 'log' });
    await (await open('second')).apply(batch(0, [put('k', ann)], [put('l', ann)]));
    expect((await lookUpAll(reader, [hashOf('l')]))[0]?.entry).toBeUndefined();
    await old.retire();
    await expect(lookUpAll(reader, [hashOf('k')])).rejects.toThrow(LookupUnavailable);
    await expect(reader.shards()).rejects.toThrow(LookupUnavailable);
    await lookup().store.switchLive('first', 'second');
    expect((await lookUpAll(reader, [hashOf('l')]))[0]?.entry).toEqual(ann);
    expect(await reader.shards()).toHaveLength(shards + 1);
  });
}
