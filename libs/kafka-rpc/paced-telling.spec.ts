import { beforeEach, describe, expect, it } from '@jest/globals';
import { PacedTelling } from './paced-telling.ts';

const aTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('replies to joined requests', () => {
  let telling: PacedTelling;
  let told: number[];

  beforeEach(() => {
    telling = new PacedTelling();
    told = [];
  });

  /** Numbered in their order. */
  const add = (count: number, callers: number) => {
    for (let n = 0; n < count; n += 1) telling.add(callers, () => told.push(n));
  };
  const untilTold = async (count: number) => {
    let turns = 0;
    for (; told.length < count; turns += 1) await aTurn();
    return turns;
  };

  it('are told at once to the first thousand callers', () => {
    add(2, 512);
    expect(told).toEqual([0, 1]);
  });

  it('are told to the next thousand after the loop has turned, in their order', async () => {
    add(5, 512);
    expect(told).toEqual([0, 1]);
    expect(await untilTold(3)).toBeGreaterThan(1);
    expect(told).toEqual([0, 1, 2, 3]);
    expect(await untilTold(5)).toBeGreaterThan(1);
    expect(told).toEqual([0, 1, 2, 3, 4]);
  });

  it('are told at once again once the loop has turned', async () => {
    add(2, 512);
    const areTold = () => {
      const before = told.length;
      add(1, 1);
      return told.length > before;
    };
    expect(areTold()).toBe(false);
    await untilTold(3);
    expect(areTold()).toBe(true);
  });

  it('wait behind those that came before them, however few callers they have', async () => {
    add(3, 1_000);
    telling.add(1, () => told.push(99));
    expect(told).toEqual([0, 1]);
    await untilTold(4);
    expect(told).toEqual([0, 1, 2, 99]);
  });

  it('are told whole, however many callers they have', () => {
    add(1, 100_000);
    expect(told).toEqual([0]);
  });
});
