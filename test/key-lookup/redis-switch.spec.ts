import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { GenerationWriter } from '#key-lookup/generation-writer';
import { fieldOf } from '#key-lookup/lookup-field';
import { LookupUnavailable } from '#key-lookup/lookup-reader';
import { RedisKeyLookup } from '#key-lookup/redis-key-lookup';
import { RedisLookupReader } from '#key-lookup/redis-lookup-reader';
import { lookUpAll } from '#testing/look-up-all';
import { redisServer, startRedis, type RedisProcess } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { StepRelay } from '#testing/step-relay';
import { at, batch, entryOf, hashOf, put, remove } from './lookup-fixtures.ts';

/** Pieces of its conversation with Redis; what it asks by itself meanwhile is among them. */
const STEPS = [0, 1, 2, 3, 4, 5, 6];
const ann = entryOf('ann');
const hash = hashOf('k');

requires(redisServer)('a reader that stops at any step while generations are switched', () => {
  let redis: RedisProcess;
  let store: RedisKeyLookup;
  let relay: StepRelay;
  let reader: RedisLookupReader;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  /** The key is in the first generation, which is live, and gone from the second. */
  beforeEach(async () => {
    store = await RedisKeyLookup.connect({ url: redis.url });
    await reset();
    relay = await StepRelay.open(redis.port);
  });
  afterEach(async () => {
    reader.close();
    store.close();
    await relay.close();
  });

  const retire = async (name: string) => (await GenerationWriter.open(store, name)).retire();
  const switchOnly = async () => {
    await store.switchLive('first', 'second');
  };
  const switchOver = async () => {
    await retire('first');
    await switchOnly();
  };
  const replace = async () => {
    await switchOver();
    await store.dropGeneration('first');
  };
  const switchAndRollBack = async () => {
    await switchOver();
    await (await GenerationWriter.open(store, 'first')).apply(batch(1, [remove('k', ann)]));
    const back = { expected: at(2), checkpoint: at(2), changes: [], legacy: new Map<string, number>(), retired: false };
    await store.writeShard('first', 0, back);
    await retire('second');
    await store.switchLive('second', 'first');
  };

  /** Whether the reader knows the pointer before. */
  async function openReader(knows: boolean): Promise<void> {
    if (knows) await store.switchLive(undefined, 'first');
    reader = await RedisLookupReader.connect({
      url: relay.url,
      commandTimeoutMs: 60_000,
      maxStalenessMs: 3_600_000,
      monotonicMs: () => performance.now(),
    });
    if (!knows) await store.switchLive(undefined, 'first');
  }

  /** @returns the entry that was told, and whether it was asked for before the switch */
  async function lookUpAround(step: number, switching: () => Promise<void>) {
    relay.requests = '';
    relay.stopAfter(step);
    const answer = lookUpAll(reader, [hash]).then(
      ([told]) => told?.entry,
      (error: unknown) => {
        if (!(error instanceof LookupUnavailable)) throw error;
        return undefined;
      },
    );
    await Promise.race([relay.stopped(), answer]);
    await switching();
    const askedBefore = relay.requests.includes(fieldOf(hash));
    relay.goOn();
    return { told: await answer, askedBefore };
  }

  const cases = STEPS.flatMap((step) => [true, false].map((knows) => ({ step, knows })));
  it.each(cases)('tells nothing of the old one (step $step, knows the pointer: $knows)', async ({ step, knows }) => {
    for (const switching of [switchOver, replace, switchAndRollBack]) {
      await openReader(knows);
      const { told, askedBefore } = await lookUpAround(step, switching);
      if (!askedBefore) expect(told).toBeUndefined();
      const [after] = await lookUpAll(reader, [hash]);
      expect(after?.entry).toBeUndefined();
      expect(after?.shard.position).toBe(2n);
      reader.close();
      await reset();
    }
  });

  it('would tell of the old one if that were not marked before the pointer moves', async () => {
    await openReader(true);
    expect(await lookUpAround(0, switchOnly)).toEqual({ told: ann, askedBefore: false });
  });

  async function reset(): Promise<void> {
    const admin = new Redis(redis.url);
    await admin.flushall();
    admin.disconnect();
    for (const name of ['first', 'second']) await store.createGeneration(name, { shards: 1, logId: 'log' });
    const [first, second] = await Promise.all(['first', 'second'].map((name) => GenerationWriter.open(store, name)));
    await first!.apply(batch(0, [put('k', ann)]));
    await second!.apply(batch(0, [put('k', ann)], [remove('k', ann)]));
  }
});
