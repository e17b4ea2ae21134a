import { describe, expect, it } from '@jest/globals';
import { shardOf } from './lookup-field.ts';
import { type AskableShard, lookUpInShards } from './look-up-in-shards.ts';
import { type LookupAnswer } from './lookup-reader.ts';

/** One field of each of two shards. */
const FIELDS = [0, 1].map((shard) => {
  const letters = Array.from({ length: 26 }, (_, nth) => `${'a'.repeat(31)}${String.fromCharCode(97 + nth)}`);
  return letters.find((field) => shardOf(field, 2) === shard) ?? '';
});
const answerAt = (position: bigint): LookupAnswer => ({
  entry: undefined,
  shard: { position, unproved: false, fresh: true, legacy: [] },
});
const here: AskableShard = { lookUp: () => Promise.resolve([answerAt(1n)]) };

/** A shard that answers when it is told to. */
function lateShard() {
  let settle: (answers: readonly LookupAnswer[] | undefined) => void = () => undefined;
  const answers = new Promise<readonly LookupAnswer[] | undefined>((resolve) => (settle = resolve));
  return { lookUp: () => answers, settle: (own: readonly LookupAnswer[] | undefined) => settle(own) };
}

describe('a list of fields that two shards have', () => {
  const askAnew = (field: string) => Promise.resolve(answerAt(field === FIELDS[1] ? 9n : -1n));

  it('is answered where a shard is there, and promised where it is late', async () => {
    const late = lateShard();
    const answers = await lookUpInShards([here, late], FIELDS, { togetherMs: 1, askAnew });
    expect(answers?.[0]).toEqual(answerAt(1n));
    expect(answers?.[1]).toBeInstanceOf(Promise);
    late.settle([answerAt(2n)]);
    expect(await answers?.[1]).toEqual(answerAt(2n));
  });

  it('is asked anew where a late shard turns out to be of a generation that is gone', async () => {
    const late = lateShard();
    const answers = await lookUpInShards([here, late], FIELDS, { togetherMs: 1, askAnew });
    late.settle(undefined);
    expect(await answers?.[1]).toEqual(answerAt(9n));
  });

  it('is not fresh where that fails, too', async () => {
    const late = lateShard();
    const fails = () => Promise.reject(new Error('away'));
    const answers = await lookUpInShards([here, late], FIELDS, { togetherMs: 1, askAnew: fails });
    late.settle(undefined);
    expect(await answers?.[1]).toMatchObject({ entry: undefined, shard: { fresh: false } });
  });

  it('is as a whole for another generation where a shard says in time that it is gone', async () => {
    const gone: AskableShard = { lookUp: () => Promise.resolve(undefined) };
    expect(await lookUpInShards([here, gone], FIELDS, { togetherMs: 10_000, askAnew })).toBeUndefined();
  });
});
