import { describe, expect, it } from '@jest/globals';
import { EarliestDeadline } from './earliest-deadline.ts';

/** What waits, ended as the client ends it: the overdue, then the rest is told again. */
class Waiters {
  readonly ended: { deadlineMs: number; nowMs: number }[] = [];
  readonly #deadlines = new Set<number>();
  readonly #earliest = new EarliestDeadline((nowMs) => this.#end(nowMs));
  #onEnd: () => void = () => undefined;

  add(deadlineMs: number): void {
    this.#deadlines.add(deadlineMs);
    this.#earliest.tell(deadlineMs);
  }

  delete(deadlineMs: number): void {
    this.#deadlines.delete(deadlineMs);
  }

  async allEnded(): Promise<void> {
    while (this.#deadlines.size > 0) await new Promise<void>((resolve) => (this.#onEnd = resolve));
  }

  #end(nowMs: number): void {
    for (const deadlineMs of this.#deadlines) {
      if (deadlineMs > nowMs) this.#earliest.tell(deadlineMs);
      else {
        this.#deadlines.delete(deadlineMs);
        this.ended.push({ deadlineMs, nowMs });
      }
    }
    this.#onEnd();
  }
}

describe('the earliest deadline', () => {
  it.each([
    ['in order', [10, 40, 80]],
    ['in reverse order', [80, 40, 10]],
    ['close together', [20, 21, 22, 23]],
    ['passed already', [-5, 0]],
  ])('ends all that were told %s, none of them early', async (_, offsets) => {
    const waiters = new Waiters();
    const startMs = performance.now();
    for (const offset of offsets) waiters.add(startMs + offset);
    await waiters.allEnded();
    expect(waiters.ended.map(({ deadlineMs }) => deadlineMs - startMs).sort()).toEqual([...offsets].sort());
    for (const { deadlineMs, nowMs } of waiters.ended) expect(nowMs).toBeGreaterThanOrEqual(deadlineMs);
  });

  it('goes on to the next one when the one that it was set for ended by itself', async () => {
    const waiters = new Waiters();
    const startMs = performance.now();
    waiters.add(startMs + 10);
    waiters.add(startMs + 30);
    waiters.delete(startMs + 10);
    await waiters.allEnded();
    expect(waiters.ended).toHaveLength(1);
  });

  it('takes deadlines that come while it ends others', async () => {
    const ended: number[] = [];
    let later = 0;
    await new Promise<void>((resolve) => {
      const earliest = new EarliestDeadline((nowMs) => {
        ended.push(nowMs);
        if (ended.length === 3) resolve();
        else earliest.tell((later = nowMs + 10));
      });
      earliest.tell(performance.now());
    });
    expect(ended[2]).toBeGreaterThanOrEqual(later);
  });
});
