import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type EachMessageHandler, Kafka, logLevel } from 'kafkajs';
import { eventually } from '#testing/eventually';
import { anyKafka } from '#testing/kafka-process';
import { filesUnder, isIn } from '#testing/looking-for-secrets';
import { redisServer } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { ServiceSet } from '#testing/service-set';

requires(anyKafka, redisServer)('the set, each service a process of its own', () => {
  let set: ServiceSet;
  /** Of keys, as they were given to people. */
  const values: string[] = [];

  beforeAll(async () => {
    set = await ServiceSet.start();
  });

  afterAll(() => set.stop());

  it('creates, verifies, rolls, changes and deletes a key, each seen by the next request', async () => {
    const ann = await set.as('ann');
    const created = await ann.create({ label: 'CI', scopes: ['insight:read'] });
    expect(created.status).toBe(201);
    const { id, value } = created.body;
    values.push(value!);
    expect((await ann.verify(value!, { scopes: 'insight:read' })).status).toBe(200);
    const rolled = await ann.roll(id);
    values.push(rolled.body.value!);
    const minPosition = rolled.position!;
    expect((await ann.verify(value!, { minPosition })).status).toBe(401);
    expect((await ann.verify(rolled.body.value!, { minPosition })).status).toBe(200);
    const changed = await ann.change(id, { scopes: ['insight:write'] });
    const asked = { scopes: 'insight:write', minPosition: changed.position! };
    expect((await ann.verify(rolled.body.value!, asked)).status).toBe(200);
    expect((await ann.current(rolled.body.value!)).body).toMatchObject({ id, scopes: ['insight:write'] });
    const deleted = await ann.delete(id);
    expect(deleted.status).toBe(204);
    expect((await ann.verify(rolled.body.value!, { minPosition: deleted.position! })).status).toBe(401);
  });

  it('takes a user’s keys with the user, by the request', async () => {
    const bob = await set.as('bob');
    const keys = [await bob.create({ label: 'one', scopes: ['*'] }), await bob.create({ label: 'two', scopes: ['*'] })];
    const { position, status } = await bob.deleteUser();
    expect(status).toBe(204);
    for (const { body } of keys) expect((await bob.verify(body.value!, { minPosition: position! })).status).toBe(401);
    expect((await bob.create({ label: 'three', scopes: ['*'] })).status).toBe(403);
  });

  it('takes a user’s keys with the user, by an event of users.deleted', async () => {
    const eve = await set.as('eve');
    const { body } = await eve.create({ label: 'one', scopes: ['*'] });
    const producer = new Kafka({ brokers: [...set.kafka.brokers], logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    const data = { userId: 'eve' };
    const event = { specversion: '1.0', id: '1', source: '/people', type: 'com.example.user.deleted', data };
    await producer.send({ topic: `${set.prefix}users.deleted`, messages: [{ value: JSON.stringify(event) }] });
    await producer.disconnect();
    // The event has no reply: it is done when the log says so.
    await eventually(async () => {
      const list = await eve.list();
      return list.status !== 200 || list.body.length === 0;
    });
    expect((await eve.create({ label: 'two', scopes: ['*'] })).status).toBe(403);
    let verdict = 200;
    await eventually(async () => (verdict = (await eve.verify(body.value!)).status) !== 200);
    expect(verdict).toBe(401);
  });

  it('has written no value of a key: not into a topic, Redis, the log of events or its own', async () => {
    const ann = await set.as('ann');
    const { body } = await ann.create({ label: 'a label to look for', scopes: ['insight:read'] });
    values.push(body.value!, `${body.value!}x`, `phx_${randomUUID()}`);
    for (const value of values) await ann.verify(value);
    const places = {
      topics: await recordsOf(set),
      redis: filesUnder(set.redis.dataDir),
      events: filesUnder(set.eventStore.dataDir),
      output: Buffer.from(
        set
          .services()
          .map(({ output }) => output)
          .join('\n'),
      ),
    };
    expect(isIn(places.topics, 'a label to look for')).toBe(true);
    expect(isIn(places.events, 'a label to look for')).toBe(true);
    expect(isIn(places.redis, 'latchkey:')).toBe(true);
    expect(isIn(places.output, 'listens on')).toBe(true);
    for (const [place, bytes] of Object.entries(places)) {
      expect([place, values.filter((value) => isIn(bytes, value))]).toEqual([place, []]);
    }
  });

  it('tells its health, and ends in order on SIGTERM', async () => {
    for (const service of set.services()) {
      expect([await service.probe('/livez'), await service.probe('/readyz')]).toEqual([200, 200]);
    }
    expect(await Promise.all(set.services().map((service) => service.end('SIGTERM')))).toEqual([0, 0, 0, 0]);
  });
});

/** All that is in its topics, keys and headers included, up to where they end when it is called. */
async function recordsOf(set: ServiceSet): Promise<Buffer> {
  const kafka = new Kafka({ brokers: [...set.kafka.brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId: `${set.prefix}looking`, maxWaitTimeInMs: 100 });
  await Promise.all([admin.connect(), consumer.connect()]);
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(set.prefix));
  const left = new Map<string, bigint>();
  for (const topic of topics) {
    for (const { partition, high, low } of await admin.fetchTopicOffsets(topic)) {
      if (BigInt(high) > BigInt(low)) left.set(`${topic}/${partition}`, BigInt(high));
    }
  }
  await consumer.subscribe({ topics, fromBeginning: true });
  const parts: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    const eachMessage: EachMessageHandler = ({ topic, partition, message: { key, value, headers, offset } }) => {
      const all = [key, value, ...Object.values(headers ?? {}).flat()];
      parts.push(...all.filter((part) => part !== null && part !== undefined).map((part) => Buffer.from(part)));
      const name = `${topic}/${partition}`;
      if (BigInt(offset) + 1n >= (left.get(name) ?? 0n)) left.delete(name);
      if (left.size === 0) resolve();
      return Promise.resolve();
    };
    consumer.run({ autoCommit: false, eachMessage }).catch(reject);
  });
  await Promise.all([admin.disconnect(), consumer.disconnect()]);
  return Buffer.concat(parts);
}
