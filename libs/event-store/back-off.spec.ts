import { describe, expect, it } from '@jest/globals';
import { backOffMs, pause } from './back-off.ts';

describe('a back-off', () => {
  it('doubles up to its limit, and is random in its upper half', () => {
    const limits = { firstMs: 10, maxMs: 100 };
    for (const [failures, ceiling] of [0, 1, 2, 3, 4, 1_000].map((n) => [n, Math.min(100, 10 * 2 ** n)] as const)) {
      const drawn = Array.from({ length: 200 }, () => backOffMs(limits, failures));
      expect(Math.min(...drawn)).toBeGreaterThanOrEqual(ceiling / 2);
      expect(Math.max(...drawn)).toBeLessThanOrEqual(ceiling);
      expect(new Set(drawn).size).toBeGreaterThan(100);
    }
  });

  it('is over at once when aborted', async () => {
    const controller = new AbortController();
    const startedMs = performance.now();
    const pausing = pause(60_000, controller.signal);
    controller.abort();
    await pausing;
    await pause(60_000, controller.signal);
    expect(performance.now() - startedMs).toBeLessThan(30_000);
  });
});
