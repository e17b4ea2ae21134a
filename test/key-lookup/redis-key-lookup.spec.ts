import { afterAll, beforeAll } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisKeyLookup } from '#key-lookup/redis-key-lookup';
import { startRedisCluster, type RedisCluster } from '#testing/redis-cluster';
import { anyRedis, redisServer, someRedis } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { type LookupUnderTest } from './contract-context.ts';
import { keyLookupContract } from './key-lookup-contract.ts';

requires(anyRedis)('one Redis', () => {
  let redis: Awaited<ReturnType<typeof someRedis>>;
  beforeAll(async () => {
    redis = await someRedis();
  });
  afterAll(() => redis.stop());

  keyLookupContract('the lookup in Redis', () => emptyLookup(redis.url), [1, 16]);
});

requires(redisServer)('a Redis Cluster of three masters', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  keyLookupContract('the lookup in Redis', () => emptyLookup(cluster.url), [16]);
});

async function emptyLookup(url: string): Promise<LookupUnderTest> {
  await Promise.all(url.split(',').map(empty));
  const store = await RedisKeyLookup.connect({ url });
  const opened: { close(): void }[] = [store];
  return {
    store,
    reader: async (options) => {
      const reader = await store.reader(options);
      opened.push(reader);
      return reader;
    },
    close: () => {
      for (const one of opened) one.close();
      return Promise.resolve();
    },
  };
}

async function empty(url: string): Promise<void> {
  const client = new Redis(url);
  await client.flushdb();
  client.disconnect();
}
