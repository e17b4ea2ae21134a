import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { GenerationWriter } from '#key-lookup/generation-writer';
import { fieldOf, shardOf } from '#key-lookup/lookup-field';
import { type LookupReader, LookupUnavailable } from '#key-lookup/lookup-reader';
import { type LookupStore } from '#key-lookup/lookup-store';
import { RedisKeyLookup } from '#key-lookup/redis-key-lookup';
import { shardKey } from '#key-lookup/redis-keys';
import { lookUpAll } from '#testing/look-up-all';
import { redisServer, startRedis, type RedisProcess } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { TcpProxy } from '#testing/tcp-proxy';
import { verifyMany } from '#verification/verify-many';
import { batch, entryOf, type Events, hashOf, liveGeneration, NAMES, prove, put, remove } from './lookup-fixtures.ts';

const ann = entryOf('ann');
const bob = entryOf('bob');
const SHARDS = 16;

requires(redisServer)('the lookup in Redis under faults', () => {
  let redis: RedisProcess;
  let store: RedisKeyLookup;
  let admin: Redis;
  const opened: { close(): unknown }[] = [];
  beforeEach(async () => {
    opened.length = 0;
    redis = await startRedis();
    store = await RedisKeyLookup.connect({ url: redis.url });
    admin = new Redis(redis.url);
    await liveGeneration(store, SHARDS);
  });
  afterEach(async () => {
    for (const one of opened) await one.close();
    store.close();
    admin.disconnect();
    await redis.stop();
  });

  const open = (of: LookupStore = store) => GenerationWriter.open(of, 'first');
  const newReader = async (of = store): Promise<LookupReader> => {
    const reader = await of.reader({ maxStalenessMs: 30_000, monotonicMs: () => performance.now() });
    opened.push(reader);
    return reader;
  };
  const keyOf = (name: string) => shardKey('first', shardOf(fieldOf(hashOf(name)), SHARDS));
  const entryIn = async (reader: LookupReader, name: string) => (await lookUpAll(reader, [hashOf(name)]))[0]?.entry;

  it('goes on by a new connection when one died without a word', async () => {
    await (await open()).apply(batch(0, [put('k', ann)]));
    const proxy = await TcpProxy.open({ host: '127.0.0.1', port: redis.port });
    opened.push(proxy);
    const through = await RedisKeyLookup.connect({ url: `redis://127.0.0.1:${proxy.port}` });
    opened.push(through);
    const reader = await newReader(through);
    // As it comes: without a bound for a command or for the silence of a connection.
    const undefended = new Redis(proxy.port);
    opened.push({ close: () => undefended.disconnect() });
    await undefended.ping();
    proxy.freeze();
    let isAnswered = false;
    undefended.ping().then(
      () => (isAnswered = true),
      () => (isAnswered = true),
    );
    expect(await verifyMany([{ hash: hashOf('k') }], reader)).toEqual([{ valid: false, code: 'UNAVAILABLE' }]);
    await expect(through.live()).rejects.toThrow(LookupUnavailable);
    while ((await entryIn(reader, 'k').catch(() => undefined)) === undefined) await turn();
    while ((await through.live().catch(() => undefined)) === undefined) await turn();
    expect(isAnswered).toBe(false);
  });

  it('goes wrong by a crash between shards only if the work were resumed at the furthest', async () => {
    const story: Events = [
      NAMES.map((name) => put(name, ann)),
      NAMES.map((name) => remove(name, ann)),
      [put('k', bob)],
    ];
    const writer = await open();
    await writer.apply(batch(0, ...story.slice(0, 1)));
    const broken = await open(reachingOneShard(store, 3));
    await expect(broken.apply(batch(1, ...story.slice(1, 2)))).rejects.toThrow('the connection broke');

    const next = await open();
    expect([next.resumeAfter?.commit, next.furthest?.commit]).toEqual([1n, 2n]);
    await next.apply(batch(1, ...story.slice(1)));
    const right = await store.digest('first');
    await liveGeneration(store, 1, 'told in order');
    await (await GenerationWriter.open(store, 'told in order')).apply(batch(0, ...story));
    expect(await store.digest('told in order')).toBe(right);

    // The checkpoints of the shards that the batch did not reach, moved as if it had.
    await liveGeneration(store, SHARDS, 'resumed too late');
    const late = await GenerationWriter.open(store, 'resumed too late');
    await late.apply(batch(0, ...story.slice(0, 1)));
    await late.apply({ ...batch(1, ...story.slice(1, 2)), events: [] });
    await late.apply(batch(2, ...story.slice(2)));
    expect(await store.digest('resumed too late')).not.toBe(right);
  });

  it('keeps a hash for whom it belongs to, which a plain write would give away', async () => {
    const reader = await newReader();
    const writer = await open();
    await writer.apply(batch(0, [put('k', ann)], [put('l', bob)]));
    expect(await writer.apply(batch(2, [put('k', bob)], [remove('k', bob)]))).toEqual({ refused: 2 });
    expect(await entryIn(reader, 'k')).toEqual(ann);
    const bobs = await admin.hgetBuffer(keyOf('l'), Buffer.from(fieldOf(hashOf('l')), 'latin1'));
    await admin.hset(keyOf('k'), Buffer.from(fieldOf(hashOf('k')), 'latin1'), bobs!);
    expect(await entryIn(reader, 'k')).toEqual(bob);
  });

  it('writes on when the server has forgotten the scripts', async () => {
    const writer = await open();
    await writer.apply(batch(0, [put('k', ann)]));
    await admin.script('FLUSH');
    await writer.apply(batch(1, [put('l', bob)]));
    expect(await entryIn(await newReader(), 'l')).toEqual(bob);
  });

  it('writes a batch of many thousands in one', async () => {
    const names = Array.from({ length: 20_000 }, (_, nth) => `key ${nth}`);
    const writer = await open();
    await writer.apply(
      batch(
        0,
        names.map((name) => put(name, ann)),
      ),
    );
    const gone = names.filter((_, nth) => nth % 2 === 0);
    await writer.apply(batch(1, [...gone.map((name) => remove(name, ann)), ...gone.map((name) => put(name, bob))]));
    const reader = await newReader();
    const answers = await lookUpAll(reader, names.map(hashOf));
    expect(answers.map(({ entry }) => entry)).toEqual(names.map((_, nth) => (nth % 2 === 0 ? bob : ann)));
  });

  it('has no answer for what it can’t read, and none that is wrong', async () => {
    const reader = await newReader();
    await (await open()).apply(batch(0, [put('k', ann)], [put('l', bob)]));
    await admin.hset(keyOf('k'), Buffer.from(fieldOf(hashOf('k')), 'latin1'), Buffer.from([9, 9, 9]));
    await prove(await open(), 2, 2, 'seen');
    await reader.shards();
    await prove(await open(), 2, 2, 'to change');
    const items = [{ hash: hashOf('k') }, { hash: hashOf('l') }];
    expect((await lookUpAll(reader, [hashOf('k')]))[0]).toMatchObject({ entry: undefined, unreadable: true });
    const unavailable = { valid: false, code: 'UNAVAILABLE' };
    expect(await verifyMany(items, reader)).toMatchObject([unavailable, { valid: true, userId: 'bob' }]);
    await admin.del(keyOf('l'));
    await admin.set(keyOf('l'), 'no hash');
    expect(await verifyMany(items, reader)).toEqual([unavailable, unavailable]);
    await admin.del(keyOf('l'));
    await admin.hset(keyOf('l'), 'state', 'of a newer version');
    await expect(entryIn(reader, 'l')).rejects.toThrow(LookupUnavailable);
    await expect(open()).rejects.toThrow(LookupUnavailable);
    await admin.set(keyOf('m'), 'no hash');
    await expect(entryIn(reader, 'm')).rejects.toThrow(LookupUnavailable);
  });

  it('answers from the other shards where one can’t be asked', async () => {
    const reader = await newReader();
    const writer = await open();
    await writer.apply(batch(0, [put('k', ann)], [put('l', bob)]));
    await prove(writer, 2, 2, 'seen');
    await reader.shards();
    await admin.rename(keyOf('k'), 'aside');
    await admin.set(keyOf('k'), 'no hash');
    // Which fails in one shard, and stamps the others all the same.
    await expect(prove(writer, 2, 2, 'to change')).rejects.toThrow(LookupUnavailable);
    expect(
      await verifyMany([{ hash: hashOf('k') }, { minPosition: '1' }, { hash: hashOf('l') }], reader),
    ).toMatchObject([
      { valid: false, code: 'UNAVAILABLE' },
      { valid: false, code: 'UNAVAILABLE' },
      { valid: true, userId: 'bob' },
    ]);
    await expect(lookUpAll(reader, [hashOf('k')])).rejects.toThrow(LookupUnavailable);
    await expect(reader.shards()).rejects.toThrow(LookupUnavailable);
  });

  it('is read with no right but to read', async () => {
    await (await open()).apply(batch(0, [put('k', ann)]));
    const rights = ['resetkeys', '%R~latchkey:lookup:*', '-@all', '+get', '+hmget', '+hgetall', '+info'];
    await admin.call('ACL', 'SETUSER', 'auth', 'on', '>secret', ...rights);
    const limited = await RedisKeyLookup.connect({ url: redis.url.replace('redis://', 'redis://auth:secret@') });
    opened.push(limited);
    expect(await entryIn(await newReader(limited), 'k')).toEqual(ann);
    await expect(limited.switchLive('first', 'first')).rejects.toThrow('NOPERM');
  });

  it('refuses a hash that is none, without harm to those who ask at the same time', async () => {
    await (await open()).apply(batch(0, [put('k', ann)]));
    const reader = await newReader();
    const asked = [entryIn(reader, 'k'), lookUpAll(reader, ['state']), entryIn(reader, 'k')];
    const [one, bad, other] = await Promise.allSettled(asked);
    expect([one, other].map((settled) => settled!.status === 'fulfilled' && settled!.value)).toEqual([ann, ann]);
    expect(bad!.status).toBe('rejected');
  });

  it('counts nothing as a proof that came by data which went back, even on the same connection', async () => {
    const reader = await newReader();
    const fresh = async () => (await reader.shards()).every((shard) => shard.fresh);
    const writer = await open();
    const prove = (upTo: number, stamp: string) =>
      writer.apply({ after: writer.resumeAfter, upTo: { commit: BigInt(upTo), prepare: 0n }, events: [], stamp });
    await prove(5, 'one');
    await fresh();
    const keys = Array.from({ length: SHARDS }, (_, shard) => shardKey('first', shard));
    const dumps = await Promise.all(keys.map((key) => admin.dumpBuffer(key)));
    await prove(6, 'two');
    await prove(7, 'three');
    expect(await fresh()).toBe(true);
    for (const [nth, key] of keys.entries()) await admin.restore(key, 0, dumps[nth]!, 'REPLACE');
    expect(await fresh()).toBe(false);
  });
});

const turn = () => new Promise((resolve) => setTimeout(resolve, 2));

/** A connection that breaks in the middle of a batch. */
function reachingOneShard(store: RedisKeyLookup, reached: number): LookupStore {
  const writeShard: LookupStore['writeShard'] = (generation, shard, write) =>
    shard === reached ? store.writeShard(generation, shard, write) : Promise.reject(new Error('the connection broke'));
  return new Proxy<LookupStore>(store, {
    get: (_, name) => {
      const member: unknown = name === 'writeShard' ? writeShard : Reflect.get(store, name, store);
      return typeof member === 'function' ? (member.bind(store) as unknown) : member;
    },
  });
}
