import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { legacyParameterSet } from './legacy-hash.ts';
import { LegacyHasher, type LegacyHasherOptions } from './legacy-hasher.ts';
import { Secret } from './secret.ts';

const SET = legacyParameterSet(260_000);
const TEST_SET = legacyParameterSet(1);
const value = new Secret('test_key_12345');

describe('LegacyHasher', () => {
  let runs: Runs;
  beforeEach(() => {
    runs = new Runs();
  });
  // The turn is the process's: a run that a failed test has left would hold up all the others.
  afterEach(() => runs.finishAll());

  it('runs one at a time, in order, over all hashers of the process', async () => {
    const [one, other] = [runs.hasher(), runs.hasher()];
    const all = Promise.all([one, other, one].map((each, n) => each.hash(new Secret(String(n)), SET)));
    for (const n of [0, 1, 2]) {
      await runs.started(n + 1);
      expect(runs.running).toEqual([String(n)]);
      runs.finish();
    }
    expect(await all).toMatchObject([{ outcome: 'hashed' }, { outcome: 'hashed' }, { outcome: 'hashed' }]);
  });

  it('turns callers away at once when the queue is full, and takes them again when it is not', async () => {
    const hasher = runs.hasher({ maxWaiting: 2 });
    const accepted = [0, 1, 2].map(() => hasher.hash(value, SET));
    expect(await promptly(hasher.hash(value, SET))).toEqual({ outcome: 'busy' });
    await runs.started(1);
    runs.finish();
    await accepted[0];
    const late = hasher.hash(value, SET);
    expect(await promptly(hasher.hash(value, SET))).toEqual({ outcome: 'busy' });
    for (const n of [2, 3, 4]) {
      await runs.started(n);
      runs.finish();
    }
    expect(await Promise.all([...accepted, late])).toMatchObject(Array(4).fill({ outcome: 'hashed' }));
    expect(runs.startedCount).toBe(4);
  });

  it.each([0, 1])('keeps %i places for values that were turned away before', async (reserved) => {
    const hasher = runs.hasher({ maxWaiting: 1, reserved });
    const accepted = [0, 1].map(() => hasher.hash(value, SET));
    expect(await promptly(hasher.hash(value, SET))).toEqual({ outcome: 'busy' });
    const returning = [0, 1].map(() => hasher.hash(value, SET, { isReturning: true }));
    const busy = { outcome: 'busy' };
    expect(await Promise.all(returning.map(promptly))).toEqual(reserved === 0 ? [busy, busy] : ['still waiting', busy]);
    for (let n = 1; n <= 2 + reserved; n++) {
      await runs.started(n);
      runs.finish();
    }
    expect(await Promise.all(accepted)).toMatchObject(Array(2).fill({ outcome: 'hashed' }));
  });

  it('spends nothing on a caller who went away while waiting', async () => {
    const hasher = runs.hasher();
    const caller = new AbortController();
    const first = hasher.hash(value, SET);
    const gone = hasher.hash(value, SET, { signal: caller.signal });
    await runs.started(1);
    caller.abort();
    runs.finishAll();
    expect(await gone).toEqual({ outcome: 'busy' });
    expect(await first).toMatchObject({ outcome: 'hashed' });
    expect(runs.startedCount).toBe(1);
  });

  it('goes on with the next after a run that failed', async () => {
    let derived = 0;
    const hasher = new LegacyHasher({
      derive: () => (derived++ === 0 ? Promise.reject(new Error('no memory')) : Promise.resolve(new Uint8Array(32))),
    });
    const [first, second] = await Promise.allSettled([hasher.hash(value, SET), hasher.hash(value, SET)]);
    expect(first).toMatchObject({ status: 'rejected' });
    expect(second).toMatchObject({ status: 'fulfilled', value: { outcome: 'hashed' } });
  });

  it('runs no parameter set that is not known', async () => {
    for (const set of [legacyParameterSet(1_000_000_000), TEST_SET, '', `${SET}$x`]) {
      expect(await runs.hasher().hash(value, set)).toEqual({ outcome: 'unknown-parameters' });
    }
    expect(runs.startedCount).toBe(0);
  });

  it('runs the single iteration of test data only where that is allowed', async () => {
    const hashing = await new LegacyHasher({ allowTestIterations: true }).hash(value, TEST_SET);
    expect(hashing).toEqual({ outcome: 'hashed', hash: `${TEST_SET}$vzzA4fHFTiUipScUeDJ4+NjuXwAWWu2AFRbk/JUs6Ck=` });
  });

  it('leaves the event loop free', async () => {
    const hashing = new LegacyHasher().hash(value, SET);
    const done = hashing.then(() => 'done');
    let turns = 0;
    // A turn of the loop in which the run has not ended yet.
    while ((await Promise.race([done, setImmediate('running')])) === 'running') turns++;
    expect(await hashing).toMatchObject({ outcome: 'hashed' });
    expect(turns).toBeGreaterThan(100);
  });
});

/** What an answer is that doesn't wait for any run; a run only goes on when the test says so. */
function promptly<Answer>(answer: Promise<Answer>): Promise<Answer | 'still waiting'> {
  return Promise.race([answer, setImmediate('still waiting' as const)]);
}

/** Runs that end when the test says so. */
class Runs {
  readonly running: string[] = [];
  startedCount = 0;
  readonly #endings: (() => void)[] = [];
  #over = false;

  hasher(options: LegacyHasherOptions = {}): LegacyHasher {
    return new LegacyHasher({
      ...options,
      derive: async (secret) => {
        this.startedCount++;
        this.running.push(secret.reveal());
        await new Promise<void>((resolve) => (this.#over ? resolve() : this.#endings.push(resolve)));
        this.running.shift();
        return new Uint8Array(32);
      },
    });
  }

  async started(count: number): Promise<void> {
    const giveUpMs = performance.now() + 30_000;
    while (this.startedCount < count) {
      if (performance.now() > giveUpMs) throw new Error(`run ${count} never started`);
      await setImmediate();
    }
  }

  finish(): void {
    this.#endings.shift()?.();
  }

  finishAll(): void {
    this.#over = true;
    for (const end of this.#endings.splice(0)) end();
  }
}
