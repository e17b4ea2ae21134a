import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { EventStoreDBClient, START } from '@eventstore/db-client';
import { Kafka, logLevel } from 'kafkajs';
import { EventStore } from '#event-store/event-store';
import { type Head } from '#event-store/read-events';
import { type GroupOffset, setGroupOffsets } from '#testing/group-offsets';
import { kafkaServer } from '#testing/kafka-process';
import { KeyTraffic } from '#testing/key-traffic';
import { type KeysApi } from '#testing/keys-api';
import { Random } from '#testing/random';
import { redisServer } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { scaledMs } from '#testing/scale';
import { ServiceSet } from '#testing/service-set';
import { Witness } from '#testing/witness';

const PEOPLE = 3;
const HOUR_MS = 3_600_000;
/** The deadline of what the gateway asks. */
const HTTP_WITHIN_MS = 10_000;
/** Every member of a consumer group of requests is expelled (its session lasts 6 s). */
const OVER_GROUP_SESSION_MS = 7_000;
/** The projector's lease ends (3 s), and each command to Redis (1.5 s). */
const OVER_LEASE_MS = 4_000;
/** Requests of the traffic end (3 s). */
const OVER_COMMAND_MS = 4_000;
/** Many times what it takes: what has not recovered by then never will, and tells nobody more by being waited for. */
const WELL_WITHIN_MS = 180_000;
const COMMANDS = ['keys.create', 'keys.roll', 'keys.change', 'keys.delete', 'users.delete'];

async function eventsAfter(url: string, head: Head | undefined): Promise<unknown[]> {
  const client = EventStoreDBClient.connectionString(url);
  const events: unknown[] = [];
  const fromPosition = head ?? START;
  for await (const { event } of client.readAll({ fromPosition })) {
    if (event === undefined || event.id === head?.eventId) continue;
    events.push({ type: event.type, data: event.data, metadata: event.metadata });
  }
  await client.dispose();
  return events;
}

requires(kafkaServer, redisServer)('the set under load', () => {
  let set: ServiceSet;
  let traffic: KeyTraffic | undefined;
  let lot = 0;
  /** When the last request of the people has expired: until then one that was refused may be decided anew. */
  let peopleUntilMs = 0;

  beforeAll(async () => {
    set = await ServiceSet.start({ replicas: { auth: 2, command: 2 }, ownKafka: true });
  });
  afterAll(() => set.stop());
  afterEach(async () => {
    await traffic?.stop();
    traffic = undefined;
  });

  /** People at work through the gateway until told to stop, which rejects when an answer is not the one that was due. */
  function people(): () => Promise<number> {
    const seed = (Date.now() + ++lot) | 0;
    let isOver = false;
    let answered = 0;
    const work = Array.from({ length: PEOPLE }, async (_, nth) => {
      const person = new Witness(`person-${lot}-${nth}`, new Random(seed + nth));
      const api: KeysApi = await set.as(person.userId);
      while (!isOver) {
        if (!(await person.act(api))) throw new Error('The gateway did not answer');
        answered += 1;
      }
      await person.reconcile(api);
    });
    const done = Promise.all(work);
    done.catch(() => undefined);
    return async () => {
      isOver = true;
      await done;
      peopleUntilMs = Date.now() + HTTP_WITHIN_MS;
      return answered;
    };
  }

  const start = async (options: { withinMs?: number } = {}) =>
    (traffic = await KeyTraffic.start({ ...set.connection, ...options }));
  const wrong = (all: KeyTraffic) => all.settled.filter(({ outcome, isLate }) => isLate || outcome.startsWith('wrong'));
  const allAreUp = async () => {
    await Promise.all(set.services().map((service) => service.ready()));
    for (const service of set.services()) expect(await service.probe('/livez')).toBe(200);
  };

  it('loses no request and answers none wrongly while every replica of auth and command is restarted in turn', async () => {
    const load = await start();
    const stopPeople = people();
    const [auth, command] = [set.services('auth'), set.services('command')];
    for (const nth of auth.keys()) {
      await load.goesWell();
      // Of each service the other one stays.
      await Promise.all([set.restart(auth[nth]!), set.restart(command[nth]!)]);
    }
    await load.goesWell();
    const answered = await stopPeople();
    await load.stop();
    process.stderr.write(`answered meanwhile: ${load.settled.length} over Kafka, ${answered} over HTTP\n`);
    expect(load.failures()).toEqual([]);
  });

  describe('with one replica of each', () => {
    beforeAll(async () => {
      for (const name of ['auth', 'command'] as const) await set.services(name)[1]!.end('SIGTERM');
    });
    afterAll(async () => {
      for (const name of ['auth', 'command'] as const) await set.services(name)[1]!.again();
    });

    it.each(['auth', 'command'] as const)(
      'fails requests to %s only while it is away, each by its deadline',
      async (name) => {
        const topic = name === 'auth' ? 'keys.verify' : 'keys.change';
        const load = await start();
        await load.goesWell();
        const fromMs = Date.now();
        // Only these are to fail, and soon.
        load.hurry(topic, 500);
        await set.service(name).end('SIGTERM');
        // Also what shows that the suite would see a lost request.
        await load.until(() => load.failures().length > 0);
        load.hurry(topic);
        await set.service(name).again();
        const untilMs = Date.now();
        await load.goesWell();
        await load.stop();
        expect(wrong(load)).toEqual([]);
        const outside = load.failures().filter((one) => one.settledMs < fromMs || one.startedMs > untilMs);
        expect(outside).toEqual([]);
        expect(new Set(load.failures().map((one) => one.topic))).toEqual(new Set([topic]));
      },
    );
  });

  it('does nothing twice when what was asked in the last hour is read again', async () => {
    // The refusals among it must have expired; what was done is remembered.
    while (Date.now() <= peopleUntilMs) await delay(peopleUntilMs - Date.now() + 1);
    const load = await start();
    await load.goesWell();
    await load.stop();
    const commands = set.services('command');
    await Promise.all(commands.map((service) => service.end('SIGTERM')));

    const store = EventStore.connect(set.eventStore.url);
    const kafka = new Kafka({ brokers: [...set.kafka.brokers], logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    const groupId = `${set.prefix}command`;
    const topics = COMMANDS.map((topic) => set.prefix + topic);
    let again = 0;
    const anHourAgo: GroupOffset[] = [];
    for (const topic of topics) {
      const partitions = await admin.fetchTopicOffsetsByTimestamp(topic, Date.now() - HOUR_MS);
      anHourAgo.push(...partitions.map((one) => ({ topic, ...one })));
      for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
        again += Number(high) - Number(partitions.find((one) => one.partition === partition)?.offset);
      }
    }
    await setGroupOffsets(kafka, groupId, anHourAgo);
    expect(load.failures()).toEqual([]);
    const head = await store.readHead();
    await Promise.all(commands.map((service) => service.again()));
    const isLeft = async (topic: string) => {
      const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
      const ends = await admin.fetchTopicOffsets(topic);
      const at = (partition: number) => offsets?.partitions.find((one) => one.partition === partition)?.offset;
      return ends.some(({ partition, high }) => high !== '0' && at(partition) !== high);
    };
    for (const topic of topics) while (await isLeft(topic)) await delay(50);
    process.stderr.write(`read again: ${again} requests\n`);
    expect(again).toBeGreaterThan(load.settled.filter(({ topic }) => topic === 'keys.change').length);
    expect(await eventsAfter(set.eventStore.url, head)).toEqual([]);
    await admin.disconnect();
    await store.close();

    const after = await start();
    await after.goesWell();
    await after.stop();
    expect(after.failures()).toEqual([]);
  });

  /** Each stays away until requests have failed, and for 10 s or, below scale 1, for `leastMs`. */
  const faults: [what: string, leastMs: number, away: () => unknown, back: () => unknown][] = [
    ['the broker was stopped', OVER_GROUP_SESSION_MS, () => set.ownKafka.stop(), () => set.ownKafka.restart()],
    ['the broker was paused', OVER_GROUP_SESSION_MS, () => set.ownKafka.pause(), () => set.ownKafka.resume()],
    ['Redis was killed', OVER_LEASE_MS, () => set.redis.kill(), () => set.redis.restart()],
    ['Redis was paused', OVER_LEASE_MS, () => set.redis.pause(), () => set.redis.resume()],
    ['the event store was killed', OVER_COMMAND_MS, () => set.eventStore.kill(), () => set.startEventStore()],
    ['the event store was paused', OVER_COMMAND_MS, () => set.eventStore.pause(), () => set.eventStore.resume()],
  ];
  it.each(faults)(
    'works again by itself after %s for seconds, and answered nothing wrongly meanwhile',
    async (what, leastMs, away, back) => {
      const load = await start({ withinMs: 3_000 });
      await load.goesWell();
      const fromMs = Date.now();
      await away();
      await Promise.all([delay(scaledMs(10_000, leastMs)), load.until(() => load.failures().length > 0)]);
      await back();
      const backMs = Date.now();
      await load.goesWell();
      const wellMs = Date.now();
      await allAreUp();
      await load.stop();
      const faultsSeen = [...new Set(load.failures().map(({ outcome }) => outcome))].join(', ');
      process.stderr.write(
        `${what}: away ${backMs - fromMs} ms, all well ${wellMs - backMs} ms later, ` +
          `${load.failures().length} of ${load.settled.length} failed (${faultsSeen})\n`,
      );
      expect(wrong(load)).toEqual([]);
      const person = new Witness(`after-${++lot}`, new Random(lot));
      const api = await set.as(person.userId);
      for (let nth = 0; nth < 5; nth++) expect(await person.act(api)).toBe(true);
      await person.reconcile(api);
    },
    WELL_WITHIN_MS,
  );
});
