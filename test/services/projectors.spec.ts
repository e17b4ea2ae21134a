import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EventStore } from '#event-store/event-store';
import { sha256Hash } from '#credentials/hash';
import { Secret } from '#credentials/secret';
import { MemoryKeyLookup } from '#key-lookup/memory-key-lookup';
import { RedisKeyLookup } from '#key-lookup/redis-key-lookup';
import { Projector } from '#projector/projector';
import { eventually } from '#testing/eventually';
import { KeyChangeReader, type ReadChange } from '#testing/key-change-reader';
import { keyCreated, newEvent } from '#testing/key-events';
import { hashNo } from '#testing/given-keys';
import { kafkaServer } from '#testing/kafka-process';
import { type KeysApi } from '#testing/keys-api';
import { redisServer } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { type ServiceProcess } from '#testing/service-process';
import { ServiceSet } from '#testing/service-set';

const LEADS = /This projector leads\./;
const STEPS_DOWN = /This projector leads no longer\./;

/** What is promised of a machine that has time for it; in a test it has three times as long. */
const REPLACED_WITHIN_MS = 5_000;

requires(kafkaServer, redisServer)('two projectors', () => {
  let set: ServiceSet;
  let store: EventStore;
  let lookup: RedisKeyLookup;
  let changes: KeyChangeReader;
  let ann: KeysApi;

  beforeAll(async () => {
    set = await ServiceSet.start({ replicas: { projector: 2 }, ownKafka: true });
    store = EventStore.connect(set.eventStore.url);
    lookup = await RedisKeyLookup.connect({ url: set.redis.url });
    changes = await KeyChangeReader.open(set.kafka.brokers, `${set.prefix}keys.changed`);
    ann = await set.as('ann');
  });
  afterAll(async () => {
    await changes.close();
    lookup.close();
    await store.close();
    await set.stop();
  });

  const hashOf = (value: string | null) => sha256Hash(new Secret(value!));
  const lastOf = (text: string, what: RegExp) => [...text.matchAll(new RegExp(what, 'g'))].at(-1)?.index ?? -1;
  const leads = ({ output, isRunning }: ServiceProcess) =>
    isRunning && lastOf(output, LEADS) > lastOf(output, STEPS_DOWN);
  const leaders = () => set.services('projector').filter(leads);

  async function create(): Promise<{ id: string; value: string; position: string }> {
    let answer = await ann.create({ label: 'CI', scopes: ['insight:read'] });
    while (answer.status !== 201) {
      if (answer.status !== 503) throw new Error(`Not created: ${answer.status}`);
      answer = await ann.create({ label: 'CI', scopes: ['insight:read'] });
    }
    return { id: answer.body.id, value: answer.body.value!, position: answer.position! };
  }
  async function untilSeen(value: string, minPosition: string): Promise<void> {
    await eventually(async () => (await ann.verify(value, { minPosition })).status === 200);
  }
  /** Of what the log holds, projected by one projector into an empty lookup. */
  async function digestOfLog(): Promise<string> {
    const alone = new MemoryKeyLookup();
    const projector = new Projector({ eventStore: store, lookup: alone, shards: 1, proofIntervalMs: 20 });
    const stop = new AbortController();
    const running = projector.run(stop.signal);
    while (!projector.status.caughtUp) await delay(10);
    const digest = await alone.digest((await alone.live())!);
    stop.abort();
    await running;
    return digest;
  }
  const digestOfLookup = async () => lookup.digest((await lookup.live())!);
  const flushes = (records: readonly ReadChange[]) => records.filter(({ type }) => type === 'flush').length;

  it('have one leader', async () => {
    while (leaders().length === 0) await delay(20);
    expect(leaders()).toHaveLength(1);
  });

  it('tell every hash that changed once the lookup has it, in a chain, and after it a heartbeat', async () => {
    const from = changes.records.length;
    const { id, value } = await create();
    await changes.tells(hashOf(value), from);
    // No `minPosition`: what is told is there.
    expect((await ann.verify(value)).status).toBe(200);
    const rolledFrom = changes.records.length;
    const rolled = await ann.roll(id);
    const told = await changes.tells(hashOf(value), rolledFrom);
    expect(told).toMatchObject({ hashes: expect.arrayContaining([hashOf(rolled.body.value)]) });
    expect((await ann.verify(value)).status).toBe(401);
    expect((await ann.verify(rolled.body.value!)).status).toBe(200);
    const deletedFrom = changes.records.length;
    const deleted = await ann.delete(id);
    await changes.tells(hashOf(rolled.body.value), deletedFrom);
    expect((await ann.verify(rolled.body.value!)).status).toBe(401);

    const covers = (record: ReadChange) =>
      record.type === 'heartbeat' && BigInt(record.position) >= BigInt(deleted.position!);
    await changes.until((records) => records.some(covers));
    const heartbeat = changes.records.find(covers);
    // One machine, one clock: the proof began before its record was written.
    expect(heartbeat?.type === 'heartbeat' && heartbeat.provedAtMs <= heartbeat.atMs).toBe(true);
    expect(changes.records[0]).toMatchObject({ type: 'flush' });
    expect(changes.gaps).toEqual([]);
  });

  it('replace a leader that was killed, and begin the chain of changes anew', async () => {
    const [leader] = leaders();
    const { length } = changes.records;
    const killedMs = performance.now();
    await leader!.end('SIGKILL');
    const { value, position } = await create();
    // Nothing but another leader can bring the lookup there.
    await untilSeen(value, position);
    const tookMs = Math.round(performance.now() - killedMs);
    process.stderr.write(`a change was seen ${tookMs} ms after the leader was killed\n`);
    expect(tookMs).toBeLessThan(3 * REPLACED_WITHIN_MS);
    await changes.until((records) => flushes(records.slice(length)) > 0);
    await changes.until((records) => records.at(-1)?.type === 'heartbeat');
    expect(changes.gaps).toEqual([]);
    await leader!.again();
    expect(await digestOfLookup()).toBe(await digestOfLog());
  });

  it('replace a leader that was paused, which wakes up, changes nothing and steps down', async () => {
    const [leader] = leaders();
    const other = set.services('projector').find((each) => each !== leader)!;
    const { length } = other.output;
    const pausedMs = performance.now();
    leader!.pause();
    try {
      await other.says(LEADS, length);
      const { value, position } = await create();
      await untilSeen(value, position);
      process.stderr.write(
        `a change was seen ${Math.round(performance.now() - pausedMs)} ms after the leader was paused\n`,
      );
    } finally {
      leader!.resume();
    }
    const slept = leader!.output.length;
    await leader!.says(STEPS_DOWN, slept);
    expect(leaders()).toEqual([other]);
    const { value, position } = await create();
    await untilSeen(value, position);
    expect(await digestOfLookup()).toBe(await digestOfLog());
    // Whatever the sleeper still wrote: a reader sees a gap and forgets, or sees none, and all is told to it again.
    const { length: now } = changes.records;
    await changes.until((records) => records.slice(now).filter(({ type }) => type === 'heartbeat').length > 2);
    expect(changes.gaps.filter((gap) => gap >= now + 1)).toEqual([]);
  });

  it('leave the same lookup as one, when a second one leads at the same time', async () => {
    // Without a lease, as one that does not know yet that it has lost it.
    const second = new Projector({ eventStore: store, lookup, shards: 1, proofIntervalMs: 20 });
    const stop = new AbortController();
    const running = second.run(stop.signal);
    const users = Array.from({ length: 6 }, (_, nth) => `both-${nth}`);
    let last = { value: '', position: '' };
    await Promise.all(
      users.map(async (userId) => {
        const api = await set.as(userId);
        for (let round = 0; round < 5; round++) {
          const { body, position } = await api.create({ label: 'CI', scopes: ['*'] });
          await api.roll(body.id);
          if (round % 2 === 0) await api.delete(body.id);
          else last = { value: body.value!, position: position! };
        }
      }),
    );
    expect(last.position).not.toBe('');
    const { value, position } = await create();
    await untilSeen(value, position);
    stop.abort();
    await running;
    expect(await digestOfLookup()).toBe(await digestOfLog());
  });

  it('go on without the broker, and flush the caches once it is back', async () => {
    const { length } = changes.records;
    const [leader] = leaders();
    const said = leader!.output.length;
    await set.ownKafka.pause();
    const hash = hashNo(4711);
    const userId = `without-${randomUUID()}`;
    try {
      await store.append(`userKeys-${userId}`, 'none', [newEvent(keyCreated([userId, 'key'], hash))]);
      const head = (await store.readHead())!;
      const live = (await lookup.live())!;
      const reached = async () => (await lookup.readShard(live, 0))?.checkpoint?.commit ?? 0n;
      while ((await reached()) < head.commit) await delay(20);
      // For so long that what was to be told has been given up.
      await leader!.says(/Caches can't be told of changes/, said);
    } finally {
      await set.ownKafka.resume();
    }
    await changes.until((records) => flushes(records.slice(length)) > 0);
    await changes.until((records) => records.at(-1)?.type === 'heartbeat');
    // What may be there twice, or not at all, was written before the flush.
    const lastFlush = changes.records.findLastIndex(({ type }) => type === 'flush');
    expect(changes.gaps.filter((gap) => gap > lastFlush)).toEqual([]);
  });
});
