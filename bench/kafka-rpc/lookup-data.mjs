import { Redis } from 'ioredis';
import { KEYS, entryNo, hashNo } from './given-keys.mjs';

/** TEMP until RedisKeyLookup */
export async function fillLookup(redisUrl) {
  const redis = new Redis(redisUrl);
  const shardKey = 'latchkey:lookup:{bench.0}';
  for (let n = 0; n < KEYS; n += 1000) {
    const args = [];
    for (let m = n; m < n + 1000; m++) args.push(Buffer.from(hashNo(m).slice(7), 'hex'), JSON.stringify(entryNo(m)));
    await redis.hset(shardKey, ...args);
  }
  await redis.quit();
  return { shardKey, stop: async () => undefined };
}
