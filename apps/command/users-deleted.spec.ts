import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';
import { EventStore } from '#event-store/event-store';
import { type EventRecord } from '#kafka-rpc/event-consumer';
import { created } from '#testing/given-keys';
import { aFolder } from '#testing/folders';
import { CommandModule } from './command.module.ts';
import { UsersDeleted } from './users-deleted.ts';

describe('a user’s deletion that arrives as an event', () => {
  const dataDir = aFolder('users-deleted');
  let log: EmbeddedEventStore;
  let store: EventStore;
  let app: INestApplicationContext;
  let deletions: UsersDeleted;
  let offset = 0;

  beforeAll(async () => {
    log = await EmbeddedEventStore.open({ dataDir, port: 0 });
    store = EventStore.connect(log.url);
    app = await NestFactory.createApplicationContext(CommandModule.register({ eventStore: store }), { logger: false });
    deletions = app.get(UsersDeleted);
  });
  afterAll(async () => {
    await app.close();
    await store.close();
    await log.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const record = (value: unknown, rest: Partial<EventRecord> = {}): EventRecord => ({
    value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
    headers: {},
    partition: 3,
    offset: String(offset++),
    atMs: Date.now(),
    ...rest,
  });

  async function withKeys(userId: string, count: number): Promise<void> {
    const events = Array.from({ length: count }, (_, nth) => {
      const hash = `sha256$${randomBytes(32).toString('hex')}`;
      const { type, data } = created({ userId, keyId: `key-${nth}`, hash });
      const id = crypto.randomUUID();
      return { id, type, data, metadata: { schemaVersion: 1, commandId: id, payloadDigest: 'x' } };
    });
    await store.append(`userKeys-${userId}`, 'none', events);
  }

  async function eventsOf(userId: string) {
    const read = await store.readStream(`userKeys-${userId}`);
    return read.outcome === 'found' ? read.events : [];
  }
  const typesOf = async (userId: string) => (await eventsOf(userId)).map(({ type }) => type);

  const forms: [name: string, of: (userId: string) => unknown][] = [
    ['plain JSON', (userId) => ({ userId })],
    [
      'a CloudEvent',
      (userId) => ({
        specversion: '1.0',
        id: '1',
        source: '/people',
        type: 'com.example.user.deleted',
        data: { userId },
      }),
    ],
  ];
  it.each(forms)('takes all of the user’s keys in one append: %s', async (name, of) => {
    const userId = `user of ${name}`;
    await withKeys(userId, 2);
    expect(await deletions.handle(record(of(userId)))).toEqual({ outcome: 'done' });
    expect(await typesOf(userId)).toEqual(['KeyCreated', 'KeyCreated', 'UserDeleted', 'KeyDeleted', 'KeyDeleted']);
  });

  it('is noted for a user who was never seen, so that none can come into being', async () => {
    expect(await deletions.handle(record({ userId: 'never-seen' }))).toEqual({ outcome: 'done' });
    expect(await typesOf('never-seen')).toEqual(['UserDeleted']);
  });

  it('has one effect, however often the record comes, and also when another record says it again', async () => {
    await withKeys('twice', 1);
    const first = record({ userId: 'twice' });
    await deletions.handle(first);
    const events = await eventsOf('twice');
    await deletions.handle(first);
    await deletions.handle(record({ userId: 'twice' }));
    expect(await eventsOf('twice')).toEqual(events);
  });

  it('is dated by its record, but never later than now', async () => {
    const early = Date.parse('2026-03-01T08:00:00.000Z');
    await deletions.handle(record({ userId: 'early' }, { atMs: early }));
    const beforeMs = Date.now();
    await deletions.handle(record({ userId: 'late' }, { atMs: beforeMs + 3_600_000 }));
    const at = async (userId: string) => Date.parse(((await eventsOf(userId))[0]!.data as { at: string }).at);
    expect(await at('early')).toBe(early);
    expect(await at('late')).toBeGreaterThanOrEqual(beforeMs);
    expect(await at('late')).toBeLessThanOrEqual(Date.now());
  });

  it.each(['no JSON', '[]', '{}', '{"userId":""}', '{"userId":7}', '{"specversion":"1.0","data":{}}'])(
    'can’t be acted on, with the reason and without a trace in the log: %s',
    async (value) => {
      const head = (await store.readHead())?.commit;
      expect(await deletions.handle(record(value))).toEqual({ outcome: 'parked', reason: expect.any(String) });
      expect((await store.readHead())?.commit).toBe(head);
    },
  );

  it('waits, as a fault and not as something to park, while the log can’t be asked', async () => {
    const { port } = log;
    await log.close();
    const gone = record({ userId: 'patient' });
    await expect(deletions.handle(gone, 1_000)).rejects.toThrow();
    log = await EmbeddedEventStore.open({ dataDir, port });
    expect(await deletions.handle(gone)).toEqual({ outcome: 'done' });
    expect(await typesOf('patient')).toEqual(['UserDeleted']);
  });
});
