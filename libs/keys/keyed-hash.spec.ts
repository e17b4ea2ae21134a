import { describe, expect, it } from '@jest/globals';
import { keyedHash } from './keyed-hash.ts';

describe('the keyed hash', () => {
  it('is the same for the same text, 32 bits, unsigned', () => {
    for (const text of ['', 'a', 'ab', 'abc', 'http:0a1b', '\u{1f511}']) {
      expect(keyedHash(text)).toBe(keyedHash(text));
      expect(keyedHash(text)).toBe(keyedHash(text) >>> 0);
    }
  });

  it('spreads texts that differ little over all 32 bits', () => {
    const ones = new Array<number>(32).fill(0);
    const texts = Array.from({ length: 20_000 }, (_, nth) => `http:${nth}`);
    for (const hash of texts.map(keyedHash)) ones.forEach((_, bit) => (ones[bit]! += (hash >>> bit) & 1));
    for (const count of ones) expect(Math.abs(count - 10_000)).toBeLessThan(600);
    // Of 20,000 random hashes about 0.05 pairs are the same.
    expect(new Set(texts.map(keyedHash)).size).toBeGreaterThan(19_990);
  });

  it('differs from process to process, so that collisions can’t be prepared', async () => {
    // Another instance of the module draws another key, as another process does.
    const { jest } = await import('@jest/globals');
    jest.resetModules();
    const other = await import('./keyed-hash.ts');
    const texts = Array.from({ length: 100 }, (_, nth) => `key ${nth}`);
    const same = texts.filter((text) => keyedHash(text) === other.keyedHash(text));
    expect(same.length).toBeLessThan(3);
  });
});
