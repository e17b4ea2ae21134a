import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Admin, type IHeaders, Kafka, logLevel, type Producer } from 'kafkajs';
import { EventStore } from '#event-store/event-store';
import { eventually } from '#testing/eventually';
import { setGroupOffsets } from '#testing/group-offsets';
import { anyKafka } from '#testing/kafka-process';
import { redisServer } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { scaled } from '#testing/scale';
import { ServiceSet } from '#testing/service-set';

requires(anyKafka, redisServer)('users.deleted, read by the command service', () => {
  let set: ServiceSet;
  let store: EventStore;
  let kafka: Kafka;
  let admin: Admin;
  let producer: Producer;
  let topic: string;

  beforeAll(async () => {
    set = await ServiceSet.start({ replicas: { command: 0, auth: 0, projector: 0, gateway: 0 } });
    store = EventStore.connect(set.eventStore.url);
    kafka = new Kafka({ brokers: [...set.kafka.brokers], logLevel: logLevel.NOTHING });
    admin = kafka.admin();
    producer = kafka.producer({ allowAutoTopicCreation: false });
    await admin.connect();
    await producer.connect();
    topic = `${set.prefix}users.deleted`;
  });
  afterAll(async () => {
    await producer.disconnect();
    await admin.disconnect();
    await store.close();
    await set.stop();
  });

  const say = (values: readonly string[], partition?: number, headers: IHeaders = {}) =>
    producer.send({
      topic,
      messages: values.map((value) => ({ value, headers, ...(partition !== undefined && { partition }) })),
    });
  const deletionOf = (userId: string) => JSON.stringify({ userId });
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, nth) => `${prefix}-${nth}`);

  async function typesOf(userId: string): Promise<string[]> {
    const read = await store.readStream(`userKeys-${userId}`);
    return read.outcome === 'found' ? read.events.map(({ type }) => type) : [];
  }
  async function untilDeleted(users: readonly string[]): Promise<void> {
    for (const user of users) await eventually(async () => (await typesOf(user)).length > 0);
  }
  /** Whether the group has nothing left to read. */
  async function isAllCommitted(): Promise<boolean> {
    const [offsets] = await admin.fetchOffsets({ groupId: `${set.prefix}command.users-deleted`, topics: [topic] });
    const ends = await admin.fetchTopicOffsets(topic);
    return ends.every(({ partition, high }) => {
      const at = offsets?.partitions.find((each) => each.partition === partition)?.offset;
      return high === '0' || at === high;
    });
  }
  const untilAllCommitted = () => eventually(isAllCommitted);

  it('takes what was there before the service first started, and what comes later', async () => {
    const users = names('early', 12);
    await say(users.map(deletionOf));
    await set.launch('command').ready();
    await untilDeleted(users);
    await say(names('later', 3).map(deletionOf));
    await untilDeleted(names('later', 3));
    await untilAllCommitted();
    for (const user of users) expect(await typesOf(user)).toEqual(['UserDeleted']);
  });

  it('parks what can’t be parsed, with the reason, and does not wait for it', async () => {
    await say(['{"userId":'], 0, { trace: 'abc' });
    await say([deletionOf('behind')], 0);
    await untilDeleted(['behind']);
    await untilAllCommitted();
    const parked = await readAll(`${topic}.dead-letter`);
    expect(parked).toHaveLength(1);
    expect(parked[0]).toMatchObject({
      value: '{"userId":',
      headers: { trace: 'abc', latchkey_reason: 'the value is not JSON in UTF-8', latchkey_topic: topic },
    });
  });

  it('waits while the event store is away, for however long, and skips nothing', async () => {
    const users = names('patient', 20);
    const [command] = set.services('command');
    const from = command!.output.length;
    await set.eventStore.kill();
    await say(users.map(deletionOf));
    await command!.says(/waits for a fault to pass/, from);
    expect(await isAllCommitted()).toBe(false);
    await set.startEventStore();
    await untilDeleted(users);
    await untilAllCommitted();
    for (const user of users) expect(await typesOf(user)).toEqual(['UserDeleted']);
  });

  it('has one effect of each, when the service is killed at any moment, and when others join meanwhile', async () => {
    const seen: string[] = [];
    let redelivered = 0;
    for (let round = 0; round < scaled(20); round++) {
      const users = names(`killed-${round}`, 200);
      await say(users.map(deletionOf));
      const [one] = set.services('command').filter(({ isRunning }) => isRunning);
      // Without a pause: some of them are done by now, and fewer are committed.
      while ((await typesOf(users[0]!)).length === 0);
      const other = set.launch('command');
      await one!.end('SIGKILL');
      const before = await eventsBy(users);
      redelivered += before - (await committedOf(users.length));
      await other.ready();
      await untilDeleted(users);
      await untilAllCommitted();
      seen.push(...users);
    }
    process.stderr.write(`appended and not committed at the kills: ${redelivered}\n`);
    for (const user of seen) expect(await typesOf(user)).toEqual(['UserDeleted']);
  });

  it('changes nothing when its offsets are set back to the beginning', async () => {
    const running = set.services('command').filter(({ isRunning }) => isRunning);
    await Promise.all(running.map((service) => service.end('SIGTERM')));
    const groupId = `${set.prefix}command.users-deleted`;
    const beginning = (await admin.fetchTopicOffsets(topic)).map(({ partition, low }) => ({ partition, offset: low }));
    await setGroupOffsets(
      kafka,
      groupId,
      beginning.map((one) => ({ topic, ...one })),
    );
    const head = (await store.readHead())?.commit;
    await running[0]!.again();
    await untilAllCommitted();
    expect((await store.readHead())?.commit).toBe(head);
  });

  it('is shared out anew between two replicas in the middle of the work', async () => {
    const users = names('shared', 400);
    await say(users.map(deletionOf));
    const joining = set.launch('command');
    await joining.ready();
    await untilDeleted(users);
    await untilAllCommitted();
    for (const user of users) expect(await typesOf(user)).toEqual(['UserDeleted']);
    await joining.end('SIGTERM');
  });

  async function eventsBy(users: readonly string[]): Promise<number> {
    const types = await Promise.all(users.map(typesOf));
    return types.flat().length;
  }
  /** How many of the last `count` records are committed. */
  async function committedOf(count: number): Promise<number> {
    const [offsets] = await admin.fetchOffsets({ groupId: `${set.prefix}command.users-deleted`, topics: [topic] });
    const ends = await admin.fetchTopicOffsets(topic);
    const left = ends.map(({ partition, high }) => {
      const at = Number(offsets?.partitions.find((each) => each.partition === partition)?.offset);
      return Number(high) - Math.max(0, at);
    });
    return count - left.reduce((sum, one) => sum + one, 0);
  }
  async function readAll(name: string): Promise<{ value: string; headers: Record<string, string> }[]> {
    const ends = await admin.fetchTopicOffsets(name);
    const total = ends.reduce((sum, { high }) => sum + Number(high), 0);
    const consumer = kafka.consumer({ groupId: `${set.prefix}reader`, maxWaitTimeInMs: 50 });
    await consumer.connect();
    await consumer.subscribe({ topics: [name], fromBeginning: true });
    const messages: { value: string; headers: Record<string, string> }[] = [];
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          eachMessage: ({ message }) => {
            const headers = Object.entries(message.headers ?? {}).map(([key, text]) => [key, String(text)] as const);
            messages.push({ value: String(message.value), headers: Object.fromEntries(headers) });
            if (messages.length === total) resolve();
            return Promise.resolve();
          },
        })
        .catch(reject);
    });
    await consumer.disconnect();
    return messages;
  }
});
