import { aFolder } from '#testing/folders';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aCreation, aHash, CommandService } from '#testing/command-service';
import { EventStoreProcess } from '#testing/event-store-process';

/** The command service in this process, over an event store that is a process of its own and can be killed. */
describe('a command that is sent three times, the last time after a kill of the log', () => {
  const dataDir = aFolder('retries');
  let log: EventStoreProcess;
  let service: CommandService;

  beforeAll(async () => {
    log = await EventStoreProcess.start(dataDir);
    service = await CommandService.start(log.url);
  });
  afterAll(async () => {
    await service.close();
    await log.kill('SIGKILL');
  });

  /** Each with what must have happened before it, and a later command of somebody else on the same stream. */
  const commands = {
    'keys.create': (userId: string) => aCreation(userId, 'key-2'),
    'keys.roll': (userId: string) => ({
      commandId: 'roll',
      userId,
      keyId: 'key-1',
      hash: aHash(),
      mask: 'lkp_...wxyz',
    }),
    'keys.change': (userId: string) => ({ commandId: 'change', userId, keyId: 'key-1', label: 'New', scopes: ['*'] }),
    'keys.delete': (userId: string) => ({ commandId: 'delete', userId, keyId: 'key-1' }),
    'users.delete': (userId: string) => ({ commandId: 'leave', userId }),
  } as const;

  it.each(Object.keys(commands) as (keyof typeof commands)[])('has one effect and one reply: %s', async (topic) => {
    const userId = `user of ${topic}`;
    expect(await service.requests.command('keys.create', aCreation(userId, 'key-1'))).toMatchObject({ ok: true });
    const request = commands[topic](userId);

    const first = await service.requests.command(topic, request);
    expect(first).toMatchObject({ ok: true });
    const events = await service.eventsOf(userId);
    expect(await service.requests.command(topic, request as never)).toEqual(first);
    // What comes in between must not hide the first effect: the log itself knows a repeated append only where it was made.
    if (topic !== 'users.delete') {
      const between = aCreation(userId, 'key-3');
      expect(await service.requests.command('keys.create', between)).toMatchObject({ ok: true });
    }
    const eventsBetween = await service.eventsOf(userId);

    await log.kill('SIGKILL');
    log = await EventStoreProcess.start(dataDir, { port: log.port });
    expect(await service.requests.command(topic, request as never)).toEqual(first);
    expect(await service.eventsOf(userId)).toEqual(eventsBetween);
    expect(eventsBetween.slice(0, events.length)).toEqual(events);
  });

  it('is refused as a conflict when the same commandId comes with another payload', async () => {
    const request = aCreation('another payload');
    await service.requests.command('keys.create', request);
    const events = await service.eventsOf('another payload');
    const other = await service.requests.command('keys.create', { ...request, label: 'Other' });
    expect(other).toMatchObject({ ok: false, code: 'CONFLICT', attr: 'commandId' });
    const otherCommand = { commandId: request.commandId, userId: request.userId, keyId: request.keyId };
    expect(await service.requests.command('keys.delete', otherCommand)).toMatchObject({ ok: false, code: 'CONFLICT' });
    expect(await service.eventsOf('another payload')).toEqual(events);
  });

  it('is not started after its deadline', async () => {
    const request = aCreation('late');
    const late = service.requests.send('keys.create', request, { deadlineMs: Date.now() - 1 });
    await expect(late).rejects.toMatchObject({ code: 'EXPIRED' });
    expect(await service.eventsOf('late')).toEqual([]);
  });
});
