import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { scaled } from '#testing/scale';
import { RecentlyUsed } from './recently-used.ts';

const LIMIT = 8;

describe('what was used recently', () => {
  it('is what was set last, or nothing', () => {
    const key = fc.integer({ min: 0, max: 12 }).map(String);
    const step = fc.oneof(fc.record({ set: key, to: fc.nat() }), fc.record({ get: key }), fc.record({ delete: key }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const recent = new RecentlyUsed<number>(LIMIT);
        const all = new Map<string, number>();
        for (const now of steps) {
          if ('set' in now) {
            recent.set(now.set, now.to);
            all.set(now.set, now.to);
          } else if ('delete' in now) {
            recent.delete(now.delete);
            all.delete(now.delete);
          } else expect([undefined, all.get(now.get)]).toContain(recent.get(now.get));
          expect(recent.size).toBeLessThanOrEqual(LIMIT);
        }
      }),
      { numRuns: scaled(300) },
    );
  });

  it('is kept while it is asked for, and forgotten for what is newer', () => {
    const recent = new RecentlyUsed<number>(LIMIT);
    recent.set('kept', 1);
    recent.set('forgotten', 2);
    for (let other = 0; other < 3 * LIMIT; other++) {
      recent.set(`other ${other}`, other);
      expect(recent.get('kept')).toBe(1);
    }
    expect(recent.get('forgotten')).toBeUndefined();
  });
});
