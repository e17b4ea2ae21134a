import { describe, expect, it } from '@jest/globals';
import { lastValueFrom, toArray } from 'rxjs';
import { conversations, INTERNAL } from '#testing/in-process-conversation';

const current = conversations();

describe('an unmarked handler', () => {
  it('gets one message at a time, through its guard each time', async () => {
    const given = current();
    expect(await given.outcomes('single.echo', [{ a: 1 }, { b: [2] }])).toEqual([{ a: 1 }, { b: [2] }]);
    expect(given.seen.guard).toEqual([{ a: 1 }, { b: [2] }]);
  });

  it('gets a copy of what was sent', async () => {
    const given = current();
    const sent = { nested: { n: 1 } };
    const reply = (await given.ask('single.echo', sent)) as typeof sent;
    sent.nested.n = 2;
    expect(reply.nested.n).toBe(1);
    expect((given.seen.guard[0] as typeof sent).nested.n).toBe(1);
  });

  it('replies null for nothing, and every value of a stream', async () => {
    const given = current();
    expect(await given.ask('single.nothing', {})).toBeNull();
    expect(await lastValueFrom(given.client.send('single.stream', {}).pipe(toArray()))).toEqual([
      { n: 1 },
      { n: 2 },
      { n: 3 },
    ]);
  });

  it('fails as stock Nest does', async () => {
    const given = current();
    await expect(given.ask('single.rpc-exception', {})).rejects.toEqual({ status: 'error', message: 'no' });
    await expect(given.ask('single.throws', {})).rejects.toEqual(INTERNAL);
  });

  it.each([['__proto__'], ['constructor']])('may be called %s', async (topic) => {
    const given = current();
    expect(await given.ask(topic, {})).toEqual({ ok: topic });
  });

  it('gets events, and one that fails harms nobody', async () => {
    const given = current();
    await lastValueFrom(given.client.emit('single.failing-event', {}), { defaultValue: undefined });
    await lastValueFrom(given.client.emit('single.noted', { n: 1 }), { defaultValue: undefined });
    expect(await given.ask('single.echo', { still: 'here' })).toEqual({ still: 'here' });
    await given.server.close();
    expect(given.events).toEqual([{ n: 1 }]);
  });
});
