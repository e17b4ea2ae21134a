import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { kafkaServer } from '#testing/kafka-process';
import { redisServer } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { ServiceSet } from '#testing/service-set';

requires(kafkaServer, redisServer)('the set, each service a process of its own', () => {
  let set: ServiceSet;

  beforeAll(async () => {
    set = await ServiceSet.start();
  });

  afterAll(() => set.stop());

  it('creates, verifies, rolls, changes and deletes a key, each seen by the next request', async () => {
    const ann = await set.as('ann');
    const created = await ann.create({ label: 'CI', scopes: ['insight:read'] });
    expect(created.status).toBe(201);
    const { id, value } = created.body;
    expect((await ann.verify(value!, { scopes: 'insight:read' })).status).toBe(200);
    const rolled = await ann.roll(id);
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
    let list = await eve.list();
    while (list.status === 200 && list.body.length > 0) list = await eve.list();
    expect((await eve.create({ label: 'two', scopes: ['*'] })).status).toBe(403);
    let verdict = await eve.verify(body.value!);
    while (verdict.status === 200) verdict = await eve.verify(body.value!);
    expect(verdict.status).toBe(401);
  });

  it('tells its health, and ends in order on SIGTERM', async () => {
    for (const service of set.services()) {
      expect([await service.probe('/livez'), await service.probe('/readyz')]).toEqual([200, 200]);
    }
    expect(await Promise.all(set.services().map((service) => service.end('SIGTERM')))).toEqual([0, 0, 0, 0]);
  });
});
