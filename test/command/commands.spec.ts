import { randomUUID } from 'node:crypto';
import { EventStoreDBClient } from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aCreation, aHash, CommandService } from '#testing/command-service';
import { EventStoreProcess } from '#testing/event-store-process';
import { aFolder } from '#testing/folders';
import { TcpProxy } from '#testing/tcp-proxy';

/** Two command services over one log, as two replicas run: what one of them knows, the other has to read. */
describe('the command service', () => {
  let log: EventStoreProcess;
  let one: CommandService;
  let other: CommandService;

  beforeAll(async () => {
    log = await EventStoreProcess.start(aFolder('commands'));
    [one, other] = await Promise.all([CommandService.start(log.url), CommandService.start(log.url)]);
  });
  afterAll(async () => {
    await Promise.all([one.close(), other.close()]);
    await log.kill('SIGKILL');
  });

  it('answers a creation with the record and the position of its event', async () => {
    const request = { ...aCreation('ada', 'key-1'), description: '' };
    const reply = await one.requests.command('keys.create', request);
    const read = await one.store.readStream('userKeys-ada');
    const event = read.outcome === 'found' ? read.events[0]! : undefined;
    const { label, scopes, mask } = request;
    expect(reply).toEqual({
      ok: true,
      position: String(event!.position.commit),
      record: {
        keyId: 'key-1',
        userId: 'ada',
        label,
        scopes,
        mask,
        description: null,
        createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
        lastRolledAt: null,
        legacy: false,
      },
    });
    expect(event!.metadata).toMatchObject({ schemaVersion: 1, commandId: request.commandId });
  });

  it('lets ten of twenty creations through that two replicas decide at once', async () => {
    const creations = Array.from({ length: 20 }, (_, nth) => {
      return [one, other][nth % 2]!.requests.command('keys.create', aCreation('crowd'));
    });
    const replies = await Promise.all(creations);
    expect(replies.filter((reply) => reply.ok)).toHaveLength(10);
    for (const reply of replies) if (!reply.ok) expect(reply.code).toBe('KEY_LIMIT_REACHED');
    expect(await other.eventsOf('crowd')).toHaveLength(10);
  });

  it('lets one of two rolls win that meet in one list, and tells the other', async () => {
    await one.requests.command('keys.create', aCreation('roller', 'key-1'));
    const roll = (commandId: string) => ({
      commandId,
      userId: 'roller',
      keyId: 'key-1',
      hash: aHash(),
      mask: 'lkp_...wxyz',
    });
    const replies = await Promise.all(
      ['first', 'second'].map((commandId) => one.requests.command('keys.roll', roll(commandId))),
    );
    expect(replies.map((reply) => (reply.ok ? 'won' : reply.code)).sort()).toEqual(['CONFLICT', 'won']);
    expect(await one.eventsOf('roller')).toHaveLength(2);
    expect((await other.requests.command('keys.roll', roll('third'))).ok).toBe(true);
  });

  it('deletes a user in one append, whose key deletions name the user’s deletion as their cause', async () => {
    for (const keyId of ['a', 'b']) await one.requests.command('keys.create', aCreation('leaver', keyId));
    const reply = await other.requests.command('users.delete', { commandId: 'leave', userId: 'leaver' });
    expect(reply).toMatchObject({ ok: true, deletedKeys: expect.arrayContaining(['a', 'b']) });
    const read = await one.store.readStream('userKeys-leaver', 2n);
    const [user, ...keys] = read.outcome === 'found' ? read.events : [];
    expect([user, ...keys].map((event) => event!.type)).toEqual(['UserDeleted', 'KeyDeleted', 'KeyDeleted']);
    for (const key of keys) expect(key.metadata).toMatchObject({ $causationId: user!.id });
    expect(reply).toMatchObject({ position: String(keys.at(-1)!.position.commit) });
  });

  it('deletes a user never seen, answers another deletion as the first, and creates nothing afterwards', async () => {
    const first = await one.requests.command('users.delete', { commandId: 'first', userId: 'nobody' });
    expect(first).toMatchObject({ ok: true, deletedKeys: [] });
    const second = await other.requests.command('users.delete', { commandId: 'second', userId: 'nobody' });
    expect(second).toEqual(first);
    const creation = await other.requests.command('keys.create', aCreation('nobody'));
    expect(creation).toMatchObject({ ok: false, code: 'USER_DELETED' });
    expect(await one.eventsOf('nobody')).toHaveLength(1);
  });

  it('takes a tombstoned stream for a deleted user', async () => {
    await one.requests.command('keys.create', aCreation('forgotten', 'key-1'));
    await tombstone(log.url, 'userKeys-forgotten');
    const creation = await one.requests.command('keys.create', aCreation('forgotten'));
    expect(creation).toMatchObject({ ok: false, code: 'USER_DELETED' });
    const deletion = await one.requests.command('users.delete', { commandId: 'leave', userId: 'forgotten' });
    expect(deletion).toMatchObject({ ok: true, deletedKeys: [] });
    expect(await one.requests.send('keys.list', { userId: 'forgotten' })).toEqual({ ok: true, records: [] });
  });

  it('adds no event for a change to what is already so, and answers with the position of the last one', async () => {
    const creation = aCreation('calm', 'key-1');
    await one.requests.command('keys.create', creation);
    const { label, scopes } = creation;
    const reply = await one.requests.command('keys.change', {
      commandId: 'same',
      userId: 'calm',
      keyId: 'key-1',
      label,
      scopes,
    });
    const read = await one.store.readStream('userKeys-calm');
    expect(read).toMatchObject({ outcome: 'found', events: [{ type: 'KeyCreated' }] });
    const [created] = read.outcome === 'found' ? read.events : [];
    expect(reply).toMatchObject({ ok: true, position: String(created!.position.commit), record: { label } });
  });

  it('tells a retry that another replica carries out the same as the first, times included', async () => {
    const relay = await TcpProxy.open({ host: '127.0.0.1', port: log.port });
    const late = await CommandService.start(`esdb://127.0.0.1:${relay.port}?tls=false`);
    await late.store.readHead();
    const request = aCreation('twice', 'key-1');
    // The late one has read the empty stream, and decides on it when the other one's key is there already.
    relay.withholdReplies();
    const lateReply = late.requests.command('keys.create', request);
    await relay.withheld('userKeys-twice');
    const reply = await one.requests.command('keys.create', request);
    relay.deliverReplies();
    expect(await lateReply).toEqual(reply);
    expect(await other.requests.command('keys.create', request)).toEqual(reply);
    expect(await one.eventsOf('twice')).toHaveLength(1);
    await late.close();
    await relay.close();
  });

  it('decides nothing for a user with an event that a newer version wrote', async () => {
    await one.requests.command('keys.create', aCreation('ahead', 'key-1'));
    const deletion = { id: randomUUID(), type: 'UserDeleted', data: { gone: true }, metadata: { schemaVersion: 2 } };
    await one.store.append('userKeys-ahead', 0n, [deletion]);
    const deadlineMs = Date.now() + 300;
    const creation = one.requests.send('keys.create', aCreation('ahead'), { deadlineMs });
    expect(await creation).toMatchObject({ ok: false, code: 'UNAVAILABLE' });
    expect(await one.requests.send('keys.list', { userId: 'ahead' })).toMatchObject({ ok: false, code: 'UNAVAILABLE' });
    expect(await one.eventsOf('ahead')).toHaveLength(2);
  });

  it('goes on past events of types that are not ours', async () => {
    await one.requests.command('keys.create', aCreation('noted', 'key-1'));
    await one.store.append('userKeys-noted', 0n, [{ id: randomUUID(), type: 'Noted', data: {}, metadata: {} }]);
    expect(await one.requests.command('keys.create', aCreation('noted', 'key-2'))).toMatchObject({ ok: true });
  });

  it('lists the newest key first and answers for one', async () => {
    for (const keyId of ['old', 'new']) await one.requests.command('keys.create', aCreation('lister', keyId));
    const listed = await other.requests.send('keys.list', { userId: 'lister' });
    expect(listed.ok && listed.records.map(({ keyId }) => keyId)).toEqual(['new', 'old']);
    const got = await other.requests.send('keys.get', { userId: 'lister', keyId: 'old' });
    expect(got).toMatchObject({ ok: true, record: { keyId: 'old' } });
    const missing = await other.requests.send('keys.get', { userId: 'lister', keyId: 'never' });
    expect(missing).toMatchObject({ ok: false, code: 'KEY_NOT_FOUND' });
  });

  it('refuses one request of a list alone when its contract does not accept it', async () => {
    const good = one.requests.command('keys.create', aCreation('strict', 'good'));
    const bad = one.requests.command('keys.create', { ...aCreation('strict', 'bad'), hash: 'not a hash' });
    expect(await good).toMatchObject({ ok: true });
    expect(await bad).toMatchObject({ ok: false, code: 'INVALID_REQUEST', attr: 'hash' });
    expect(await one.eventsOf('strict')).toHaveLength(1);
  });

  it('answers UNAVAILABLE, not a verdict, when the log is away, and goes on when it is back', async () => {
    const dataDir = aFolder('away');
    const alone = await EventStoreProcess.start(dataDir);
    const service = await CommandService.start(alone.url);
    await service.requests.command('keys.create', aCreation('ada', 'key-1'));
    await alone.kill('SIGKILL');
    const deadlineMs = Date.now() + 500;
    const list = await service.requests
      .send('keys.list', { userId: 'ada' }, { deadlineMs })
      .catch((fault: unknown) => fault);
    expect(['UNAVAILABLE', 'EXPIRED']).toContain((list as { code: string }).code);
    const back = await EventStoreProcess.start(dataDir, { port: alone.port });
    expect(await service.requests.command('keys.create', aCreation('ada', 'key-2'))).toMatchObject({ ok: true });
    await service.close();
    await back.kill('SIGKILL');
  });
});

async function tombstone(url: string, stream: string): Promise<void> {
  const client = EventStoreDBClient.connectionString(url);
  await client.tombstoneStream(stream);
  await client.dispose();
}
