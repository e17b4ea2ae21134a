import { beforeEach, expect, it } from '@jest/globals';
import { GenerationWriter } from '#key-lookup/generation-writer';
import { type LookupReader } from '#key-lookup/lookup-reader';
import { lookUpAll } from '#testing/look-up-all';
import { scaled } from '#testing/scale';
import { type Context } from './contract-context.ts';
import { batch, entryOf, hashOf, liveGeneration, NAMES, put, remove } from './lookup-fixtures.ts';

export function atomicReadsContract({ lookup, shards }: Context): void {
  const ann = entryOf('ann', 'key', ['a:read', '*', 'b:write']);
  let reader: LookupReader;
  let writer: GenerationWriter;

  beforeEach(async () => {
    await liveGeneration(lookup().store, shards);
    reader = await lookup().reader({ maxStalenessMs: 1000, monotonicMs: () => 0 });
    writer = await GenerationWriter.open(lookup().store, 'first');
  });

  it('answers in order, each hash as often as it is asked for', async () => {
    expect(await lookUpAll(reader, [])).toEqual([]);
    await writer.apply(batch(0, [put('k', ann)], [put('l', entryOf('bob', 'other', []))]));
    const answers = await lookUpAll(reader, ['l', 'none', 'k', 'l'].map(hashOf));
    expect(answers.map(({ entry }) => entry)).toEqual([
      entryOf('bob', 'other', []),
      undefined,
      ann,
      entryOf('bob', 'other', []),
    ]);
    expect(answers.map(({ shard }) => shard.position)).toEqual([2n, 2n, 2n, 2n]);
  });

  it('keeps ids and scopes as they are, whatever they hold', async () => {
    const odd = entryOf('__proto__', 'a:b/c\u0000', ['*', 'längst:write', '🔑:read']);
    await writer.apply(batch(0, [put('k', odd)]));
    expect((await lookUpAll(reader, [hashOf('k')]))[0]?.entry).toEqual(odd);
  });

  it('reads entries and position at one moment, under a writer that does not wait', async () => {
    // Odd positions put every name, even ones remove it: entry and position must say the same.
    const rounds = scaled(2000);
    const progress = { isWriting: true };
    const writing = (async () => {
      for (let position = 0; position < rounds; position++) {
        const verb = position % 2 === 0 ? put : remove;
        await writer.apply(
          batch(
            position,
            NAMES.map((name) => verb(name, ann)),
          ),
        );
      }
    })().finally(() => (progress.isWriting = false));
    let seen = 0;
    while (progress.isWriting) {
      for (const { entry, shard } of await lookUpAll(reader, NAMES.map(hashOf))) {
        expect(entry !== undefined).toBe((shard.position ?? 0n) % 2n === 1n);
        seen += 1;
      }
    }
    await writing;
    expect(seen).toBeGreaterThan(rounds);
  });

  it('ends the wait for an advance when something is written', async () => {
    const never = new AbortController().signal;
    const advanced = reader.advanced(never);
    await writer.apply(batch(0, [put('k', ann)]));
    await advanced;
    expect((await reader.shards()).every(({ position }) => position === 1n)).toBe(true);
  });

  it('ends the wait for an advance when it is told to', async () => {
    const stop = new AbortController();
    const advanced = reader.advanced(stop.signal);
    stop.abort();
    await advanced;
    await reader.advanced(stop.signal);
  });
}
