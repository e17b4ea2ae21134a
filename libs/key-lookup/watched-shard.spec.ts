import { describe, expect, it } from '@jest/globals';
import { WatchedShard } from './watched-shard.ts';

const [one, other] = [{}, {}];
const state = (position: number | '', stamp: string, marks = '0 0') =>
  Buffer.from(`${position} ${position}  ${stamp} ${marks} `);

describe('a watched shard', () => {
  const fresh = (shard: WatchedShard, nowMs = 0) => shard.reading(nowMs, 1000)?.fresh;

  it('is fresh by a stamp that changed between two answers of one connection', () => {
    const shard = new WatchedShard('key');
    shard.observe(state(1, 'a'), one, 0);
    expect(fresh(shard)).toBe(false);
    shard.observe(state(1, 'b'), one, 0);
    expect(fresh(shard)).toBe(true);
    expect(fresh(shard, 1001)).toBe(false);
  });

  it('is not by one that changed with the connection', () => {
    const shard = new WatchedShard('key');
    shard.observe(state(1, 'a'), one, 0);
    shard.observe(state(1, 'b'), one, 0);
    shard.observe(state(1, 'c'), other, 0);
    expect(fresh(shard)).toBe(false);
    shard.observe(state(1, 'd'), other, 0);
    expect(fresh(shard)).toBe(true);
  });

  it('is not by one that came with an older position, or after the shard was gone', () => {
    const shard = new WatchedShard('key');
    shard.observe(state(9, 'a'), one, 0);
    shard.observe(state(8, 'b'), one, 0);
    expect(fresh(shard)).toBe(false);
    shard.observe(state(9, 'c'), one, 0);
    expect(fresh(shard)).toBe(true);
    shard.observe(null, one, 0);
    expect(shard.reading(0, 1000)).toBeUndefined();
    shard.observe(state(9, 'd'), one, 0);
    expect(fresh(shard)).toBe(false);
  });

  it('says what the last answer said, and nothing of a shard that is retired', () => {
    const shard = new WatchedShard('key');
    expect(shard.observe(state('', ''), one, 0)).toBe(true);
    expect(shard.reading(0, 1000)).toEqual({ position: undefined, unproved: false, fresh: false, legacy: [] });
    expect(shard.observe(state('', ''), one, 0)).toBe(false);
    const text = '9223372036854775806 1  s 0 1 b%24=2,a=-1,c=1';
    expect(shard.observe(Buffer.from(text), one, 0)).toBe(true);
    expect(shard.reading(0, 1000)).toEqual({
      position: 2n ** 63n - 2n,
      unproved: true,
      fresh: true,
      legacy: ['b$', 'c'],
    });
    shard.observe(state(1, 's', '1 0'), one, 0);
    expect(shard.reading(0, 1000)).toBeUndefined();
    expect(() => shard.observe(Buffer.from('1 2'), one, 0)).toThrow('unreadable');
    expect(shard.reading(0, 1000)).toBeUndefined();
  });
});
