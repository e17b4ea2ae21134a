import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Requests } from '#client/requests';
import { CommandModule } from '#command/command.module';
import { messageContract } from '#contracts/message-contract';
import { EventStore } from '#event-store/event-store';
import { InProcessBus } from '#runtime/in-process-bus';
import { InProcessClient } from '#runtime/in-process-client';
import { InProcessServer } from '#runtime/in-process-server';
import { EventStoreProcess } from '#testing/event-store-process';

const aHash = () => `sha256$${randomBytes(32).toString('hex')}`;

/** The command service in this process, over an event store that is a process of its own and can be killed. */
describe('a command that is sent three times, the last time after a kill of the log', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-retries-'));
  let log: EventStoreProcess;
  let store: EventStore;
  let service: INestMicroservice;
  let requests: Requests;

  beforeAll(async () => {
    log = await EventStoreProcess.start(dataDir);
    store = EventStore.connect(`esdb://127.0.0.1:${log.port}?tls=false`);
    const bus = new InProcessBus();
    service = await NestFactory.createMicroservice(CommandModule.register({ eventStore: store }), {
      strategy: new InProcessServer(bus, messageContract),
      logger: false,
    });
    await service.listen();
    requests = new Requests(new InProcessClient(bus));
  });
  afterAll(async () => {
    await service.close();
    await store.close();
    await log.kill('SIGKILL');
  });

  const eventsOf = async (userId: string) => {
    const read = await store.readStream(`userKeys-${userId}`);
    return read.outcome === 'found' ? read.events.map(({ id, type }) => `${type} ${id}`) : [];
  };

  const created = (userId: string, keyId = 'key-1') =>
    ({
      commandId: `create ${keyId}`.replace(' ', '-'),
      userId,
      keyId,
      label: 'Deploys',
      scopes: ['insight:read'],
      hash: aHash(),
      mask: 'lkp_...abcd',
    }) as const;

  /** Each with what must have happened before it, and a later command of somebody else on the same stream. */
  const commands = {
    'keys.create': (userId: string) => created(userId, 'key-2'),
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
    expect(await requests.command('keys.create', created(userId))).toMatchObject({ ok: true });
    const request = commands[topic](userId);

    const first = await requests.command(topic, request as never);
    expect(first).toMatchObject({ ok: true });
    const events = await eventsOf(userId);
    expect(await requests.command(topic, request as never)).toEqual(first);
    // What comes in between must not hide the first effect: the log itself knows a repeated append only where it was made.
    if (topic !== 'users.delete') {
      const between = { ...created(userId, 'key-3'), commandId: 'between' };
      expect(await requests.command('keys.create', between)).toMatchObject({ ok: true });
    }
    const eventsBetween = await eventsOf(userId);

    await log.kill('SIGKILL');
    log = await EventStoreProcess.start(dataDir, { port: log.port });
    expect(await requests.command(topic, request as never)).toEqual(first);
    expect(await eventsOf(userId)).toEqual(eventsBetween);
    expect(eventsBetween.slice(0, events.length)).toEqual(events);
  });

  it('is refused as a conflict when the same commandId comes with another payload', async () => {
    const request = created('another payload');
    await requests.command('keys.create', request);
    const events = await eventsOf('another payload');
    const other = await requests.command('keys.create', { ...request, label: 'Other' });
    expect(other).toMatchObject({ ok: false, code: 'CONFLICT', attr: 'commandId' });
    const otherCommand = { commandId: request.commandId, userId: request.userId, keyId: request.keyId };
    expect(await requests.command('keys.delete', otherCommand)).toMatchObject({ ok: false, code: 'CONFLICT' });
    expect(await eventsOf('another payload')).toEqual(events);
  });

  it('is not started after its deadline', async () => {
    const request = created('late');
    const late = requests.send('keys.create', request, { deadlineMs: Date.now() - 1 });
    await expect(late).rejects.toMatchObject({ code: 'EXPIRED' });
    expect(await eventsOf('late')).toEqual([]);
  });
});
