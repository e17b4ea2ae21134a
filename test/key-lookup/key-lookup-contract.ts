import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { atomicReadsContract } from './atomic-reads-contract.ts';
import { type Context, type LookupUnderTest } from './contract-context.ts';
import { freshnessContract } from './freshness-contract.ts';
import { generationWriterContract } from './generation-writer-contract.ts';
import { shardContract } from './shard-contract.ts';

/** What every lookup promises, wherever it is kept; docs/lookup.md says it in words. */
export function keyLookupContract(
  name: string,
  makeLookup: () => Promise<LookupUnderTest>,
  shardCounts: readonly number[] = [1, 3],
): void {
  describe.each(shardCounts.map((shards) => ({ shards })))(`${name} with $shards shards`, ({ shards }) => {
    let current: LookupUnderTest;
    beforeEach(async () => {
      current = await makeLookup();
    });
    afterEach(() => current.close());
    const context: Context = { lookup: () => current, shards };

    describe('generations', () => {
      it('exist once under a name, and until they are dropped', async () => {
        const { store } = current;
        expect(await store.createGeneration('one', { shards, logId: 'a log' })).toBe(true);
        expect(await store.createGeneration('one', { shards: 9, logId: 'another' })).toBe(false);
        expect(await store.origin('one')).toEqual({ shards, logId: 'a log' });
        expect(await store.generations()).toEqual(['one']);
        await store.dropGeneration('one');
        expect(await store.origin('one')).toBeUndefined();
        expect(await store.readShard('one', 0)).toBeUndefined();
        expect(await store.generations()).toEqual([]);
      });

      it('go live by compare and set', async () => {
        const { store } = current;
        await store.createGeneration('one', { shards, logId: 'log' });
        await store.createGeneration('two', { shards, logId: 'log' });
        expect(await store.live()).toBeUndefined();
        expect(await store.switchLive('two', 'one')).toBe(false);
        expect(await store.switchLive(undefined, 'one')).toBe(true);
        expect(await store.switchLive(undefined, 'two')).toBe(false);
        expect(await store.live()).toBe('one');
        expect(await store.switchLive('one', 'two')).toBe(true);
        expect(await store.live()).toBe('two');
      });
    });

    describe('a shard', () => shardContract(context));
    describe('a writer of generations', () => generationWriterContract(context));
    describe('a reader of fresh and stale shards', () => freshnessContract(context));
    describe('a reader’s answers', () => atomicReadsContract(context));
  });
}
