import { describe, expect, it } from '@jest/globals';
import { StampWatch } from './stamp-watch.ts';

describe('a stamp watch', () => {
  it('dates a change by the look before it, since it may be that old', () => {
    const watch = new StampWatch();
    watch.observe('one', 0);
    watch.observe('two', 900);
    expect(watch.isFresh(1000, 1000)).toBe(true);
    expect(watch.isFresh(1001, 1000)).toBe(false);
  });

  it('is not taken in by a change that nobody looked at for longer than the bound', () => {
    const watch = new StampWatch();
    watch.observe('one', 0);
    watch.observe('two', 5000);
    expect(watch.isFresh(5000, 1000)).toBe(false);
    watch.observe('three', 5100);
    expect(watch.isFresh(6000, 1000)).toBe(true);
  });

  it('dates a change by itself where every write is seen as it happens', () => {
    const watch = new StampWatch();
    watch.observe('one', 0, 0);
    watch.observe('two', 5000, 5000);
    expect(watch.isFresh(6000, 1000)).toBe(true);
  });

  it('proves nothing by the first stamp, the same stamp, or one that is gone', () => {
    const watch = new StampWatch();
    expect(watch.isFresh(0, 1000)).toBe(false);
    watch.observe('one', 0, 0);
    watch.observe('one', 1, 1);
    expect(watch.isFresh(1, 1000)).toBe(false);
    watch.observe('two', 2, 2);
    expect(watch.isFresh(2, 1000)).toBe(true);
    watch.observe(undefined, 3, 3);
    expect(watch.isFresh(3, 1000)).toBe(false);
  });
});
