import { describe, expect, it } from '@jest/globals';
import { hashNo } from '#testing/given-keys';
import { SeenHashes } from './seen-hashes.ts';

describe('hashes that were seen', () => {
  it('name the line that brought them first, for another user', () => {
    const seen = new SeenHashes();
    expect(seen.note(hashNo(1), 'ann', 3)).toBeUndefined();
    expect(seen.note(hashNo(2), 'bob', 4)).toBeUndefined();
    expect(seen.note(hashNo(1), 'ann', 5)).toBeUndefined();
    expect(seen.note(hashNo(1), 'bob', 6)).toBe(3);
    expect(seen.note(hashNo(1), 'cid', 7)).toBe(3);
  });

  it('are all known however many they are', () => {
    const seen = new SeenHashes();
    const wrong: number[] = [];
    for (let n = 1; n <= 50_000; n += 1) if (seen.note(hashNo(n), 'ann', n) !== undefined) wrong.push(n);
    expect(wrong).toEqual([]);
    for (let n = 1; n <= 50_000; n += 1) if (seen.note(hashNo(n), 'bob', 50_000 + n) !== n) wrong.push(n);
    expect(wrong).toEqual([]);
    expect(seen.isComplete).toBe(true);
  });

  it('say when there is no more room, and know what they knew', () => {
    const seen = new SeenHashes(1 << 12);
    const most = 1 << 11;
    for (let n = 1; n <= most + 10; n += 1) seen.note(hashNo(n), 'ann', n);
    expect(seen.isComplete).toBe(false);
    expect(seen.note(hashNo(most), 'bob', 9_999)).toBe(most);
    expect(seen.note(hashNo(most + 1), 'bob', 9_999)).toBeUndefined();
  });
});
