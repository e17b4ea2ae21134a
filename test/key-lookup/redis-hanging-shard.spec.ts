import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { GenerationWriter } from '#key-lookup/generation-writer';
import { fieldOf, shardOf } from '#key-lookup/lookup-field';
import { LookupUnavailable } from '#key-lookup/lookup-reader';
import { RedisKeyLookup } from '#key-lookup/redis-key-lookup';
import { LIVE, shardKey } from '#key-lookup/redis-keys';
import { RedisLookupReader } from '#key-lookup/redis-lookup-reader';
import { RoundTrips } from '#key-lookup/round-trips';
import { lookUpAll } from '#testing/look-up-all';
import { type RedisCluster, startRedisCluster } from '#testing/redis-cluster';
import { redisServer, type RedisProcess } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { scaled } from '#testing/scale';
import { Verifier } from '#verification/verifier';
import { at, batch, entryOf, hashOf, liveGeneration, prove, put } from './lookup-fixtures.ts';

const SHARDS = 16;
const ann = entryOf('ann');
const NAMES = Array.from({ length: 64 }, (_, nth) => `key ${nth}`);
/** Longer than any of these tests: nothing of it is given up while its master is stopped. */
const PATIENT_MS = 600_000;

const shardOfName = (name: string) => shardOf(fieldOf(hashOf(name)), SHARDS);

requires(redisServer)('a reader of a Redis Cluster one of whose masters hangs', () => {
  let cluster: RedisCluster;
  let store: RedisKeyLookup;
  let stopped: RedisProcess;
  /** Hashes in shards of the master that hangs, and of the others. */
  let sick: string[];
  let well: string[];
  const opened: { close(): void }[] = [];

  beforeEach(async () => {
    opened.length = 0;
    cluster = await startRedisCluster();
    store = await RedisKeyLookup.connect({ url: cluster.url });
    opened.push(store);
    await liveGeneration(store, SHARDS);
    const writer = await GenerationWriter.open(store, 'first');
    await writer.apply(batch(0, ...NAMES.map((name) => [put(name, ann)])));
    [sick, well] = [[], []];
  });
  afterEach(async () => {
    for (const node of cluster.nodes) node.resume();
    for (const one of opened) one.close();
    await cluster.stop();
  });

  async function newReader(commandTimeoutMs: number): Promise<RedisLookupReader> {
    const reader = await RedisLookupReader.connect({
      url: cluster.url,
      commandTimeoutMs,
      maxStalenessMs: 3_600_000,
      monotonicMs: () => performance.now(),
    });
    opened.push(reader);
    await reader.shards();
    await prove(await GenerationWriter.open(store, 'first'), NAMES.length, NAMES.length, 'to change');
    expect((await reader.shards()).every(({ fresh }) => fresh)).toBe(true);
    return reader;
  }

  async function stop(which: 'has' | 'has not'): Promise<void> {
    const named = await cluster.masterOf(LIVE);
    stopped = which === 'has' ? named : cluster.nodes.find((node) => node !== named)!;
    for (const name of NAMES) {
      const isSick = (await cluster.masterOf(shardKey('first', shardOfName(name)))) === stopped;
      (isSick ? sick : well).push(hashOf(name));
    }
    stopped.pause();
  }

  const settled = (promise: Promise<unknown>) => {
    const state = { is: false };
    promise.finally(() => (state.is = true)).catch(() => undefined);
    return state;
  };

  it.each(['has', 'has not'] as const)(
    'answers for the others while it hangs, which a list that waits for all does not (it %s the pointer)',
    async (which) => {
      const reader = await newReader(PATIENT_MS);
      await stop(which);
      // As it would be with one round for all shards, which is answered when the last of them has.
      const together = new RoundTrips((hashes) => lookUpAll(reader, hashes));
      const hanging = [lookUpAll(reader, sick)];
      for (let nth = 0; nth < 2; nth++) {
        hanging.push(together.ask([sick[nth]!]));
        await new Promise(setImmediate);
      }
      const heldUp = together.ask(well);
      const states = [...hanging, heldUp].map(settled);
      for (let round = 0; round < scaled(200); round++) {
        const hashes = [...well, sick[round % sick.length]!];
        const answers = await reader.lookUp(hashes);
        expect(answers).toHaveLength(hashes.length);
        expect(answers.at(-1)).toBeInstanceOf(Promise);
        // On a busy machine they may be late, too; they are there all the same while the master is stopped.
        for (const answer of answers.slice(0, -1)) {
          expect(await answer).toMatchObject({ entry: ann, shard: { fresh: true } });
        }
      }
      expect(states).toEqual(states.map(() => ({ is: false })));
      stopped.resume();
      expect((await heldUp).every(({ entry }) => entry !== undefined)).toBe(true);
      for (const answers of await Promise.all(hanging)) expect(answers[0]).toMatchObject({ entry: ann });
    },
  );

  it('says at once what it knows to hang, goes on with the others, and has all again when it is back', async () => {
    const reader = await newReader(300);
    await stop('has not');
    const answers = () => lookUpAll(reader, [...well, sick[0]!]);
    const isAway = async () => {
      const all = await answers();
      for (const answer of all.slice(0, -1)) expect(answer).toMatchObject({ entry: ann, shard: { fresh: true } });
      return all.at(-1)?.entry === undefined;
    };
    let ready = 0;
    while (ready < scaled(500)) {
      expect(await isAway()).toBe(true);
      const now = await reader.lookUp([sick[0]!, well[0]!]);
      if (!(now[0] instanceof Promise)) ready += 1;
    }
    await expect(reader.lookUp([sick[0]!])).rejects.toThrow(LookupUnavailable);
    await expect(reader.shards()).rejects.toThrow(LookupUnavailable);
    stopped.resume();
    while (await isAway());
    // Each shard of that master is tried for itself.
    const all = () => reader.shards().catch(() => undefined);
    let shards = await all();
    while (shards === undefined) shards = await all();
    expect(shards).toHaveLength(SHARDS);
  });

  it('lets wait, and answers, what waits for a position of another shard', async () => {
    const reader = await newReader(300);
    const verifier = new Verifier(reader, { waitMs: PATIENT_MS });
    await stop('has not');
    const later = { hash: well[0]!, minPosition: String(NAMES.length + 1) };
    const never = { hash: sick[0]!, minPosition: later.minPosition };
    const tasks = [later, never, { minPosition: later.minPosition }].map((item) => ({ item, deadlineMs: Infinity }));
    const [soon, hanging, all] = await verifier.verify(tasks);
    expect(await Promise.all([hanging, all])).toEqual([
      { valid: false, code: 'UNAVAILABLE' },
      { valid: false, code: 'UNAVAILABLE' },
    ]);
    const shard = shardOfName(NAMES.find((name) => hashOf(name) === well[0])!);
    const next = NAMES.length + 1;
    const write = { expected: at(next - 1), checkpoint: at(next), changes: [], legacy: new Map<string, number>() };
    expect(await store.writeShard('first', shard, write)).toEqual({ outcome: 'written', refused: 0 });
    expect(await soon).toMatchObject({ valid: true, position: String(next) });
    verifier.close();
  });
});
