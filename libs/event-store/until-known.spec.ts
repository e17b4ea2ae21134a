import { describe, expect, it } from '@jest/globals';
import { Bound } from './bound.ts';
import { bounded } from './until-known.ts';

describe('bounded work', () => {
  it('is not begun once its caller has gone', async () => {
    let hasBegun = false;
    const work = () => {
      hasBegun = true;
      return new Promise<never>(() => undefined);
    };
    await expect(bounded(60_000, AbortSignal.abort(new Error('enough')), work)).rejects.toThrow('enough');
    expect(hasBegun).toBe(false);
  });

  it('is called off with its caller’s reason', async () => {
    const caller = new AbortController();
    let own: AbortSignal | undefined;
    const waiting = bounded(60_000, caller.signal, ({ signal }) => {
      own = signal;
      return new Promise<never>(() => undefined);
    });
    caller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(own?.aborted).toBe(true);
  });
});

describe('a bound', () => {
  it('tells its end to whoever listens still, and by a signal asked for before or after', () => {
    const bound = new Bound();
    const told: string[] = [];
    bound.onEnd(() => told.push('listening'));
    bound.onEnd(() => told.push('gone'))();
    const before = bound.signal;
    expect(bound.ended).toBe(false);
    bound.end('enough');
    bound.end('again');
    expect(told).toEqual(['listening']);
    expect([bound.ended, bound.reason, before.aborted, before.reason]).toEqual([true, 'enough', true, 'enough']);
    const late = new Bound();
    late.end('enough');
    expect([late.signal.aborted, late.signal.reason]).toEqual([true, 'enough']);
  });
});
