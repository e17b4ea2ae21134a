import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { scaled } from '#testing/scale';
import { PersistentMap } from './persistent-map.ts';

const COLLIDING = ['costarring', 'liquid', 'declinate', 'macallums', 'altarage', 'zinke'];

/** Two hashes for all there is. */
const weakHash = (key: string) => key.length % 2;

describe('PersistentMap', () => {
  it('keeps words apart whose hashes are the same', () => {
    const map = COLLIDING.reduce((all, word) => all.set(word, word.length), PersistentMap.empty<number>(weakHash));
    expect(COLLIDING.map((word) => map.get(word))).toEqual(COLLIDING.map((word) => word.length));
    const less = map.set('liquid', 60).delete('costarring').delete('zinke');
    expect(COLLIDING.map((word) => less.get(word))).toEqual([undefined, 60, 9, 9, 8, undefined]);
    expect([map.size, less.size]).toEqual([6, 4]);
  });

  it('does what a Map does, and no version changes afterwards', () => {
    const key = fc.oneof(
      fc.constantFrom(...COLLIDING, '', '__proto__', 'constructor'),
      fc.nat(300).map(String),
      fc.string(),
    );
    const step = fc.oneof({ weight: 3, arbitrary: fc.tuple(key, fc.nat()) }, { weight: 1, arbitrary: fc.tuple(key) });
    const hash = fc.constantFrom(undefined, weakHash);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), hash, (steps, hashOf) => {
        const plain = new Map<string, number>();
        const versions: [PersistentMap<number>, Map<string, number>][] = [];
        let map = PersistentMap.empty<number>(hashOf);
        for (const [name, value] of steps) {
          if (value === undefined) plain.delete(name);
          else plain.set(name, value);
          map = value === undefined ? map.delete(name) : map.set(name, value);
          versions.push([map, new Map(plain)]);
        }
        for (const [version, expected] of versions) {
          expect(version.size).toBe(expected.size);
          expect(steps.map(([name]) => version.get(name))).toEqual(steps.map(([name]) => expected.get(name)));
        }
        expect([...map.values()].sort(ascending)).toEqual([...plain.values()].sort(ascending));
      }),
      { numRuns: scaled(500) },
    );
  });

  it('holds any number of keys with one hash', () => {
    const keys = Array.from({ length: 20_000 }, (_, nth) => `key ${nth}`);
    const map = keys.reduce(
      (all, key, nth) => all.set(key, nth),
      PersistentMap.empty<number>(() => 7),
    );
    expect(map.size).toBe(20_000);
    expect(map.set('key 19999', -1).delete('key 0').get('key 19999')).toBe(-1);
  });

  it('gives itself where nothing changes', () => {
    const map = PersistentMap.empty<number>().set('a', 1);
    expect(map.set('a', 1)).toBe(map);
    expect(map.delete('b')).toBe(map);
    expect(map.has('a') && !map.has('b')).toBe(true);
  });
});

function ascending(one: number, other: number): number {
  return one - other;
}
