import { describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { contract, conversations } from '#testing/in-process-conversation';
import { InProcessBus } from './in-process-bus.ts';
import { InProcessClient } from './in-process-client.ts';
import { InProcessServer } from './in-process-server.ts';
import { TransportClosed } from './request-errors.ts';

const current = conversations();

describe('a server', () => {
  it('drops what expired on the way, and counts it', async () => {
    const given = current();
    const replies: unknown[] = [];
    const late = { kind: 'request', text: '{"n":1}', deadlineMs: Date.now() - 1 } as const;
    const reply = (one: unknown) => replies.push(one);
    given.bus.deliver('list.double', [
      { ...late, reply },
      { ...late, reply },
    ]);
    given.bus.deliver('single.echo', [{ ...late, reply }]);
    await given.ask('list.double', { n: 2 });
    expect(given.server.expired).toBe(3);
    expect(replies).toEqual([]);
    expect(given.seen.lists).toHaveLength(1);
  });

  it('finishes what is under way when it closes, and takes nothing new', async () => {
    const given = current();
    const replies = [given.ask('list.slow', { n: 1 }), given.ask('single.slow', { n: 2 })];
    await given.ask('single.echo', {});
    const closed = given.server.close();
    await expect(given.ask('single.echo', {})).rejects.toBeInstanceOf(TransportClosed);
    given.gate.open();
    await closed;
    expect(await Promise.all(replies)).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('tells the callers of what does not end within the bound', async () => {
    const given = current();
    const all = given.outcomes('list.slow', [{ n: 1 }, { n: 2 }]);
    await given.ask('single.echo', {});
    await given.server.close();
    expect(await all).toEqual([1, 2].map(() => ({ thrown: expect.any(TransportClosed) })));
  });

  it('is missed before it listens', async () => {
    const given = current();
    const other = new InProcessBus();
    const notYet = await given.createApp(new InProcessServer(other, contract));
    await notYet.init();
    const early = new InProcessClient(other);
    await expect(firstValueFrom(early.send('single.echo', {}))).rejects.toBeInstanceOf(TransportClosed);
    await notYet.listen();
    expect(await firstValueFrom(early.send('single.echo', { a: 1 }))).toEqual({ a: 1 });
    await notYet.close();
  });

  it('refuses to answer what another answers', async () => {
    const given = current();
    const second = await given.createApp(new InProcessServer(given.bus, contract));
    await expect(second.listen()).rejects.toThrow('Another server answers list.double already');
    await second.close();
  });
});
