import { describe, expect, it } from '@jest/globals';
import { hashNo, legacyHashNo } from '#testing/given-keys';
import { fieldOf, fieldsOf, shardOf } from './lookup-field.ts';

describe('the field of a hash', () => {
  it('is the 32 bytes of a modern one', () => {
    const bytes = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 8));
    expect(Buffer.from(fieldOf(`sha256$${bytes.toString('hex')}`), 'latin1')).toEqual(bytes);
  });

  it('is the text of any other, so that no two hashes share a field', () => {
    const hashes = [hashNo(1), hashNo(2), legacyHashNo(1), legacyHashNo(1, 390_000), `sha256$${'z'.repeat(64)}`, 'x'];
    expect(new Set(hashes.map(fieldOf)).size).toBe(hashes.length);
    expect(fieldOf(legacyHashNo(1))).toBe(legacyHashNo(1));
  });

  it.each([
    ['nothing', []],
    ['modern ones', [hashNo(1), hashNo(2), hashNo(3)]],
    ['one that is legacy', [hashNo(1), legacyHashNo(1), hashNo(2)]],
    ['one that is no hexadecimal', [hashNo(1), `sha256$${'z'.repeat(64)}`, hashNo(2)]],
    ['one whose last digit is none', [hashNo(1), `sha256$${'0'.repeat(63)}z`]],
    ['one that is short', [hashNo(1), 'x']],
  ])('is the same for many at once: %s', (_, hashes: string[]) => {
    expect(fieldsOf(hashes)).toEqual(hashes.map(fieldOf));
  });

  it('spreads modern and legacy hashes evenly over shards', () => {
    for (const make of [randomLikeHash, (n: number) => legacyHashNo(n)]) {
      const counts = [0, 0, 0, 0];
      for (let n = 0; n < 4000; n++) counts[shardOf(fieldOf(make(n)), 4)]! += 1;
      for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(200);
    }
    expect(shardOf(fieldOf(hashNo(7)), 1)).toBe(0);
  });
});

/** Spread over all its digits, as a digest is. */
function randomLikeHash(n: number): string {
  let state = n + 1;
  const words = Array.from(
    { length: 8 },
    () => (state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0,
  );
  return `sha256$${words.map((word) => word.toString(16).padStart(8, '0')).join('')}`;
}
