import { describe, expect, it } from '@jest/globals';
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
    const waiting = bounded(60_000, caller.signal, (signal) => {
      own = signal;
      return new Promise<never>(() => undefined);
    });
    caller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(own?.aborted).toBe(true);
  });
});
