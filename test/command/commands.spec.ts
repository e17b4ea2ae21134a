import { EventStoreDBClient } from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aCreation, aHash, CommandService } from '#testing/command-service';
import { EventStoreProcess } from '#testing/event-store-process';
import { aFolder } from '#testing/folders';

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
