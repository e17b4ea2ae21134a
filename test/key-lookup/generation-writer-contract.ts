import { beforeEach, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GenerationBehind, GenerationLost, GenerationWriter } from '#key-lookup/generation-writer';
import { type LookupStore } from '#key-lookup/lookup-store';
import { lookUpAll } from '#testing/look-up-all';
import { OwnedEntries } from '#testing/owned-entries';
import { scaled } from '#testing/scale';
import { type Context } from './contract-context.ts';
import {
  at,
  batch,
  changesOfFewOwners,
  entryOf,
  type Events,
  LEGACY_SET,
  legacyHash,
  liveGeneration,
  NAMES,
  hashOf,
  prove,
  put,
  putLegacy,
  remove,
  removeLegacy,
} from './lookup-fixtures.ts';

export function generationWriterContract({ lookup, shards }: Context): void {
  const ann = entryOf('ann');
  const bob = entryOf('bob');
  const open = (name = 'first') => GenerationWriter.open(lookup().store, name);
  const digest = (name = 'first') => lookup().store.digest(name);
  const readShards = () =>
    Promise.all(Array.from({ length: shards }, (_, shard) => lookup().store.readShard('first', shard)));

  /** The digest of a new generation that got these events one by one, in order and once. */
  async function digestOf(events: Events, ofShards = shards): Promise<string> {
    const name = `told ${(await lookup().store.generations()).length}`;
    await lookup().store.createGeneration(name, { shards: ofShards, logId: 'log' });
    const writer = await open(name);
    for (const [index, event] of events.entries()) await writer.apply(batch(index, event));
    return digest(name);
  }

  beforeEach(() => liveGeneration(lookup().store, shards));

  it('writes every batch to every shard, an empty one too', async () => {
    const writer = await open();
    await writer.apply(batch(0, [put('k', ann)]));
    await writer.apply({ after: at(1), upTo: at(9)!, events: [] });
    expect((await readShards()).map((state) => state?.checkpoint)).toEqual(Array(shards).fill(at(9)));
    expect([writer.resumeAfter, writer.furthest]).toEqual([at(9), at(9)]);
  });

  // Applied once more after the third, the second event would bring the revoked hash back, and count a legacy key twice.
  const touchy = [
    [put('k', ann), putLegacy(ann)],
    [put('k', bob), putLegacy(bob)],
    [remove('k', ann)],
    [put('l', bob)],
  ];

  it('drops what it has, however batches are repeated, cut and late', async () => {
    const writer = await open();
    await writer.apply(batch(0, ...touchy.slice(0, 3)));
    await writer.apply(batch(1, ...touchy.slice(1, 2)));
    await writer.apply(batch(1, ...touchy.slice(1, 4)));
    await writer.apply(batch(0, ...touchy));
    expect(await digest()).toBe(await digestOf(touchy));
    expect(writer.resumeAfter).toEqual(at(4));
  });

  it('would end elsewhere if repeated events were not dropped', async () => {
    expect(await digestOf([...touchy.slice(0, 3), ...touchy.slice(1)])).not.toBe(await digestOf(touchy));
  });

  it('refuses a batch that would leave a hole', async () => {
    const writer = await open();
    await expect(writer.apply(batch(1, [put('l', bob)]))).rejects.toThrow(GenerationBehind);
    await writer.apply(batch(0, [put('k', ann)]));
    await expect(writer.apply(batch(2, [put('l', bob)]))).rejects.toThrow(GenerationBehind);
    expect(await digest()).toBe(await digestOf([[put('k', ann)]]));
    expect(writer.resumeAfter).toEqual(at(1));
  });

  it('refuses events that are out of order or outside of their batch', async () => {
    const writer = await open();
    const { events } = batch(0, [put('k', ann)], [remove('k', ann)]);
    const outOfOrder = { after: undefined, upTo: at(2)!, events: [...events].reverse() };
    await expect(writer.apply(outOfOrder)).rejects.toThrow(RangeError);
    await expect(writer.apply({ after: undefined, upTo: at(1)!, events })).rejects.toThrow(RangeError);
    await expect(writer.apply({ after: at(1), upTo: at(2)!, events })).rejects.toThrow(RangeError);
  });

  it('goes on from where another writer has got to', async () => {
    const story = [[put('k', ann)], [remove('k', ann)], [put('k', bob)]];
    const [one, other] = [await open(), await open()];
    await one.apply(batch(0, ...story.slice(0, 2)));
    await other.apply(batch(0, ...story));
    await one.apply(batch(2, ...story.slice(2)));
    expect(await digest()).toBe(await digestOf(story));
    expect(one.resumeAfter).toEqual(at(3));
  });

  it('resumes at the smallest checkpoint after a write that reached some shards only', async () => {
    const story = [NAMES.map((name) => put(name, ann)), NAMES.map((name) => remove(name, ann)), [put('k', bob)]];
    const { store } = lookup();
    const writer = await open();
    await writer.apply(batch(0, ...story.slice(0, 1)));
    const broken = await GenerationWriter.open(reachingFirstShardOnly(store), 'first');
    const attempt = broken.apply(batch(1, ...story.slice(1, 2)));
    if (shards > 1) await expect(attempt).rejects.toThrow('the connection broke');
    else await attempt;
    const next = await open();
    expect(next.resumeAfter).toEqual(at(shards > 1 ? 1 : 2));
    expect(next.furthest).toEqual(at(2));
    await next.apply(batch(1, ...story.slice(1)));
    expect(await digest()).toBe(await digestOf(story));
  });

  it('tells when a shard was set back, and goes on from there once it has looked', async () => {
    const story = [[put('k', ann)], [remove('k', ann)], [put('l', bob)]];
    const writer = await open();
    await writer.apply(batch(0, ...story.slice(0, 2)));
    // As a server that was restored from a dump taken after the first event.
    await lookup().store.dropGeneration('first');
    await lookup().store.createGeneration('first', { shards, logId: 'log' });
    await (await open()).apply(batch(0, ...story.slice(0, 1)));
    await expect(writer.apply(batch(2, ...story.slice(2)))).rejects.toThrow(GenerationBehind);
    await writer.refresh();
    expect(writer.resumeAfter).toEqual(at(1));
    await writer.apply(batch(1, ...story.slice(1)));
    expect(await digest()).toBe(await digestOf(story));
  });

  it('says that its generation is lost', async () => {
    const writer = await open();
    await lookup().store.dropGeneration('first');
    await expect(writer.apply(batch(0, [put('k', ann)]))).rejects.toThrow(GenerationLost);
    await expect(writer.refresh()).rejects.toThrow(GenerationLost);
    await expect(open()).rejects.toThrow(GenerationLost);
  });

  it('moves checkpoints to the head and changes stamps by a proof, also where a shard is beyond it', async () => {
    const writer = await open();
    await writer.apply(batch(0, [put('k', ann)]));
    await prove(writer, 1, 5, 'one');
    const proved = { checkpoint: at(5), stamp: 'one', retired: false, unproved: false };
    expect(await readShards()).toEqual(Array(shards).fill(proved));
    await prove(writer, 1, 3, 'two');
    expect(await readShards()).toEqual(Array(shards).fill({ ...proved, stamp: 'two' }));
  });

  it('proves nothing about a shard that is behind', async () => {
    const writer = await open();
    await expect(prove(writer, 1, 5, 'one')).rejects.toThrow(GenerationBehind);
    expect((await readShards()).map((state) => state?.stamp)).toEqual(Array(shards).fill(undefined));
  });

  it('retires every shard and moves none', async () => {
    const writer = await open();
    await writer.apply(batch(0, [put('k', ann)]));
    await writer.retire();
    const retired = { checkpoint: at(1), stamp: undefined, retired: true, unproved: false };
    expect(await readShards()).toEqual(Array(shards).fill(retired));
    expect((await open()).retired).toBe(true);
  });

  it('doubts every shard until a proof says otherwise, and moves none', async () => {
    const writer = await open();
    await writer.apply(batch(0, [put('k', ann)]));
    await writer.doubt();
    const doubted = { checkpoint: at(1), stamp: undefined, retired: false, unproved: true };
    expect(await readShards()).toEqual(Array(shards).fill(doubted));
    await prove(writer, 1, 1, 'one');
    expect(await readShards()).toEqual(Array(shards).fill({ ...doubted, stamp: 'one' }));
    await writer.apply({ after: at(1), upTo: at(1)!, events: [], stamp: 'two', unproved: false });
    expect(await readShards()).toEqual(Array(shards).fill({ ...doubted, stamp: 'two', unproved: false }));
  });

  it('knows which event it has got to', async () => {
    const writer = await open();
    const upTo = { ...at(1)!, eventId: 'the event' };
    await writer.apply({ ...batch(0, [put('k', ann)]), upTo });
    expect((await open()).furthest).toEqual(upTo);
  });

  it('counts legacy keys in every shard from the events alone', async () => {
    const reader = await lookup().reader({ maxStalenessMs: 1000, monotonicMs: () => 0 });
    const legacy = async () => (await reader.shards()).map((shard) => shard.legacy);
    const writer = await open();
    await writer.apply(batch(0, [putLegacy(ann)], [putLegacy(bob)]));
    expect(await legacy()).toEqual(Array(shards).fill([LEGACY_SET]));
    expect((await lookUpAll(reader, [legacyHash]))[0]?.entry).toEqual(ann);
    await writer.apply(batch(2, [removeLegacy(bob)]));
    expect(await legacy()).toEqual(Array(shards).fill([LEGACY_SET]));
    await writer.apply(batch(3, [removeLegacy(ann)]));
    expect(await legacy()).toEqual(Array(shards).fill([]));
  });

  it('has a digest that depends on the entries, not on shards or order', async () => {
    const story = [[put('k', ann)], [put('l', bob)], [putLegacy(ann)]];
    const wanted = await digestOf(story, 1);
    expect(await digestOf([...story].reverse(), 4)).toBe(wanted);
    expect(await digestOf([...story, [put('m', ann)]])).not.toBe(wanted);
    expect(await digestOf([story[0]!, [put('l', entryOf('bob', 'key', ['b:read']))], story[2]!])).not.toBe(wanted);
  });

  it('agrees with the plainest model, in whatever pieces and by however many writers', async () => {
    const reader = await lookup().reader({ maxStalenessMs: 1000, monotonicMs: () => 0 });
    const pieces = fc.array(fc.record({ from: fc.nat(30), length: fc.nat(30), writer: fc.nat(1) }), { maxLength: 20 });
    let generation = 0;
    await fc.assert(
      fc.asyncProperty(changesOfFewOwners, pieces, async (story, cuts) => {
        const name = `run ${generation++}`;
        await liveGeneration(lookup().store, shards, name);
        const writers = [await open(name), await open(name)];
        for (const { from, length, writer } of cuts) {
          const piece = batch(from, ...story.slice(from, from + length));
          // Some would leave a hole: refused, and what they hold comes with a later one.
          if (piece.events.length > 0) await writers[writer]!.apply(piece).catch(onlyBehind);
        }
        await writers[0]!.refresh();
        const from = Number(writers[0]!.resumeAfter?.commit ?? 0n);
        if (from < story.length) await writers[0]!.apply(batch(from, ...story.slice(from)));
        const model = new OwnedEntries();
        for (const change of story.flat()) model.apply(change);
        const hashes = [...NAMES.map(hashOf), legacyHash];
        const answers = await lookUpAll(reader, hashes);
        expect(answers.map(({ entry }) => entry)).toEqual(hashes.map((hash) => model.entries.get(hash)));
        expect(answers[0]?.shard.legacy).toEqual((model.legacy.get(LEGACY_SET) ?? 0) > 0 ? [LEGACY_SET] : []);
        expect(answers[0]?.shard.position).toBe(BigInt(story.length));
        await lookup().store.dropGeneration(name);
      }),
      { numRuns: scaled(500) },
    );
  });
}

/** A connection that breaks in the middle of a batch. */
function reachingFirstShardOnly(store: LookupStore): LookupStore {
  const writeShard: LookupStore['writeShard'] = (generation, shard, write) =>
    shard === 0 ? store.writeShard(generation, shard, write) : Promise.reject(new Error('the connection broke'));
  return new Proxy(store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (name === 'writeShard') return writeShard;
      return typeof member === 'function' ? (member as () => unknown).bind(target) : member;
    },
  });
}

function onlyBehind(error: unknown): void {
  if (!(error instanceof GenerationBehind)) throw error;
}
