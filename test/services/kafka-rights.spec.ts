import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { lastValueFrom } from 'rxjs';
import { topicLayout } from '#contracts/topic-layout';
import { sha256Hash } from '#credentials/hash';
import { Secret } from '#credentials/secret';
import { EventStore } from '#event-store/event-store';
import { connectKafka, type KafkaConnectionOptions } from '#kafka-rpc/kafka-connection';
import { KafkaRpcClient } from '#kafka-rpc/kafka-rpc-client';
import { withAdmin } from '#kafka-rpc/topics';
import { aCreation } from '#testing/command-service';
import { kafkaServer } from '#testing/kafka-process';
import { aTopicPrefix } from '#testing/kafka-topics';
import { LatchkeyCommand } from '#testing/latchkey-command';
import { redisServer } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { SecureKafka, secureKafkaServer } from '#testing/secure-kafka';
import { ServiceSet } from '#testing/service-set';

const REFUSED = 'Topic authorization failed';
const SERVICES = ['command', 'auth', 'projector', 'gateway'] as const;

/** Writes one record, as whoever it is; a command without the address of a reply is carried out and not answered. */
async function write(connection: KafkaConnectionOptions, topic: string, data: unknown): Promise<void> {
  const producer = connectKafka(connection).producer({ allowAutoTopicCreation: false, retry: { retries: 1 } });
  try {
    await producer.connect();
    await producer.send({ topic, messages: [{ value: JSON.stringify(data) }] });
  } finally {
    await producer.disconnect();
  }
}

async function eventsOf(store: EventStore, userId: string): Promise<string[]> {
  const read = await store.readStream(`userKeys-${userId}`);
  return read.outcome === 'found' ? read.events.map(({ type }) => type) : [];
}

async function untilThere(store: EventStore, userId: string, type: string): Promise<void> {
  while (!(await eventsOf(store, userId)).includes(type));
}

requires(kafkaServer, redisServer)('a Kafka that asks nobody who he is', () => {
  it('carries out the command of whoever reaches it', async () => {
    const set = await ServiceSet.start({ replicas: { auth: 0, projector: 0, gateway: 0 } });
    const store = EventStore.connect(set.eventStore.url);
    try {
      await write({ brokers: set.kafka.brokers }, `${set.prefix}keys.create`, aCreation('mallory'));
      await untilThere(store, 'mallory', 'KeyCreated');
      await write({ brokers: set.kafka.brokers }, `${set.prefix}users.deleted`, { userId: 'mallory' });
      await untilThere(store, 'mallory', 'UserDeleted');
    } finally {
      await store.close();
      await set.stop();
    }
  });
});

requires(secureKafkaServer, redisServer)('a Kafka where each has the rights of docs/topics.md', () => {
  const prefix = aTopicPrefix('rights');
  const user = (role: string) => prefix + role;
  let kafka: SecureKafka;
  let set: ServiceSet;
  let store: EventStore;

  beforeAll(async () => {
    const users = [...SERVICES, 'topics', 'verifier', 'accounts', 'stranger'].map(user);
    kafka = await SecureKafka.start({ users });
    const rights = await LatchkeyCommand.run(['topics', '--rights'], { TOPIC_PREFIX: prefix });
    await kafka.allow(rights.stdout);
    const settings = { ...kafka.settings(user('topics')), TOPIC_PREFIX: prefix };
    const topics = await LatchkeyCommand.run(['topics', '--reply-partitions', '2'], settings);
    expect(topics).toMatchObject({ code: 0, stderr: '' });
    const again = await LatchkeyCommand.run(['topics', '--reply-partitions', '2'], settings);
    expect(again).toMatchObject({ code: 0, stderr: '' });
    set = await ServiceSet.start({ secured: { kafka, prefix } });
    store = EventStore.connect(set.eventStore.url);
  });
  afterAll(async () => {
    await store.close();
    await set.stop();
  });

  const as = (role: string) => kafka.connection(user(role));
  const topic = (name: string) => prefix + name;

  /** Where each topic ends. */
  function ends(names: readonly string[]): Promise<string[]> {
    return withAdmin(kafka.admin, async (admin) => {
      const offsets = await Promise.all(names.map((name) => admin.fetchTopicOffsets(name)));
      return offsets.map((partitions, nth) => `${names[nth]} ${partitions.map(({ high }) => high).join()}`);
    });
  }

  it('creates, verifies and deletes a key, and takes a user’s keys with the user', async () => {
    const ann = await set.as('ann');
    const created = await ann.create({ label: 'CI', scopes: ['insight:read'] });
    expect(created.status).toBe(201);
    const value = created.body.value!;
    expect((await ann.verify(value, { scopes: 'insight:read' })).status).toBe(200);
    expect((await ann.list()).body.map(({ last_used_at: at }) => typeof at)).toEqual(['string']);
    const deleted = await ann.delete(created.body.id);
    expect((await ann.verify(value, { minPosition: deleted.position! })).status).toBe(401);
    const other = (await ann.create({ label: 'Other', scopes: ['*'] })).body.value!;
    const { status, position } = await ann.deleteUser();
    expect(status).toBe(204);
    expect((await ann.verify(other, { minPosition: position! })).status).toBe(401);
  });

  it('takes the deletions of whoever owns the accounts, parks what can’t be read, and tells caches', async () => {
    const bob = await set.as('bob');
    await bob.create({ label: 'CI', scopes: ['*'] });
    await write(as('accounts'), topic('users.deleted'), 'no deletion');
    await write(as('accounts'), topic('users.deleted'), { userId: 'bob' });
    await untilThere(store, 'bob', 'UserDeleted');
    const isEmpty = (end: string | undefined) => / [0,]+$/.test(end ?? '');
    while ((await ends([topic('users.deleted.dead-letter'), topic('keys.changed')])).some(isEmpty));
  });

  it('verifies for a service that may do nothing else', async () => {
    const eve = await set.as('eve');
    const { body } = await eve.create({ label: 'CI', scopes: ['*'] });
    const options = { ...as('verifier'), topicPrefix: prefix, patterns: ['keys.verify'] };
    const client = new KafkaRpcClient(options);
    await client.connect();
    const request = { hash: sha256Hash(new Secret(body.value!)) };
    expect(await lastValueFrom(client.send('keys.verify', request))).toMatchObject({ valid: true, userId: 'eve' });
    await client.close();
  });

  it('takes no command, no deletion and no change of a key from who has no right to write it', async () => {
    const names = topicLayout(prefix).map(({ name }) => name);
    const guarded = names.filter((name) => !/\.(?:verify|last-used|list|get|changed)(?:\.reply)?$/.test(name));
    const before = await ends(guarded);
    for (const name of names) {
      const data = { ...aCreation('mallory'), type: 'flush', position: '0' };
      await expect(write(as('stranger'), name, data)).rejects.toThrow(REFUSED);
      if (name !== topic('keys.verify')) await expect(write(as('verifier'), name, data)).rejects.toThrow(REFUSED);
      if (name !== topic('users.deleted')) await expect(write(as('accounts'), name, data)).rejects.toThrow(REFUSED);
      if (name !== topic('keys.changed')) await expect(write(as('projector'), name, data)).rejects.toThrow(REFUSED);
    }
    for (const name of ['users.deleted', 'keys.changed', 'keys.create.reply'].map(topic))
      await expect(write(as('gateway'), name, {})).rejects.toThrow(REFUSED);
    expect(await ends(guarded)).toEqual(before);
    // The same record of one who may is carried out, behind whatever would have come before it.
    await write(as('gateway'), topic('keys.create'), aCreation('trent'));
    await untilThere(store, 'trent', 'KeyCreated');
    expect(await eventsOf(store, 'mallory')).toEqual([]);
  });

  it('lets nobody in who has no name, or another’s password', async () => {
    const { brokers } = kafka;
    await expect(write({ brokers }, topic('keys.create'), aCreation('mallory'))).rejects.toThrow('Closed connection');
    const sasl = { ...as('gateway').sasl!, password: kafka.password(user('stranger')) };
    await expect(write({ brokers, sasl }, topic('keys.create'), aCreation('mallory'))).rejects.toThrow(
      'invalid credentials',
    );
    expect(await eventsOf(store, 'mallory')).toEqual([]);
  });

  it.each(SERVICES)('ends the start of %s, and says why, where its password is wrong', async (name) => {
    const wrong = kafka.password(user('stranger'));
    const service = set.launch(name, { KAFKA_SASL_PASSWORD: wrong });
    expect(await service.ended()).toBe(1);
    expect(service.output).toContain('KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD is wrong');
    expect(service.output).not.toContain(wrong);
    expect(service.output).not.toMatch(/^\s+at /m);
  });

  it.each(SERVICES)('keeps %s waiting without a name, and says where to look', async (name) => {
    const service = set.launch(name, { KAFKA_SASL_USERNAME: '', KAFKA_SASL_PASSWORD: '' });
    await service.says(/Waiting: Kafka does not answer: .*KAFKA_SASL_USERNAME/);
    expect(await service.end('SIGTERM')).toBe(0);
  });

  it('keeps a service waiting that has no right to its consumer group, and says so', async () => {
    const service = set.launch('auth', kafka.settings(user('gateway')));
    await service.says(/Waiting: .* no right to its consumer group.*latchkey topics --rights/);
    expect(await service.end('SIGTERM')).toBe(0);
  });

  it('keeps a service waiting for topics that its name may not see, and says so', async () => {
    const service = set.launch('command', kafka.settings(user('accounts')));
    await service.says(/no right to them \(`latchkey topics --rights`\): .*keys.create/);
    expect(await service.end('SIGTERM')).toBe(0);
  });

  it('tells the operator what is wrong in a line', async () => {
    const settings = { ...kafka.settings(user('topics')), TOPIC_PREFIX: prefix };
    const wrong = kafka.password(user('stranger'));
    const run = (more: Record<string, string>) => LatchkeyCommand.run(['topics'], { ...settings, ...more });
    const refused = await run({ KAFKA_SASL_PASSWORD: wrong });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD is wrong');
    expect(refused.stderr).not.toContain(wrong);
    const mechanism = await run({ KAFKA_SASL_MECHANISM: 'scram-sha-256' });
    expect(mechanism.stderr).toContain('it does not take this KAFKA_SASL_MECHANISM');
    const other = await run({ ...kafka.settings(user('stranger')), TOPIC_PREFIX: `other-${prefix}` });
    expect(other).toMatchObject({ code: 2 });
    expect(other.stderr).toContain('has no right to');
  });
});
