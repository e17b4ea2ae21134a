import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { LookupUnavailable } from '#key-lookup/lookup-reader';
import { RedisLastUse } from '#key-lookup/redis-last-use';
import { redisServer, startRedis, type RedisProcess } from '#testing/redis-process';
import { requires } from '#testing/requires';

const HOUR = 3_600_000;
const ann = { userId: 'ann', keyId: 'key' };
/** As docs/lookup.md gives them to auth. */
const RIGHTS = ['-@all', '+get', '+hmget', '+hgetall', '+hget', '+hset', '+eval', '+evalsha', '+info'];
const bob = { userId: 'bob/', keyId: 'key' };

requires(redisServer)('the last use of keys in Redis', () => {
  let redis: RedisProcess;
  let lastUse: RedisLastUse;
  const faults: number[] = [];
  const open = (maxKeys?: number) =>
    RedisLastUse.connect({
      url: redis.url,
      onFault: (_, lost) => faults.push(lost),
      ...(maxKeys !== undefined && { maxKeys }),
    });
  const until = async (of: RedisLastUse, keys: (typeof ann)[], times: (number | undefined)[]) => {
    while (JSON.stringify(await of.read(keys)) !== JSON.stringify(times)) await new Promise((r) => setTimeout(r, 2));
  };
  beforeEach(async () => {
    redis = await startRedis();
    lastUse = await open();
    faults.length = 0;
  });
  afterEach(async () => {
    lastUse.close();
    await redis.stop();
  });

  it('is written, and read in order, where it is known', async () => {
    lastUse.note([ann, ann], 5000);
    lastUse.note([bob], 6000);
    await until(lastUse, [bob, { userId: 'eve', keyId: 'key' }, ann], [6000, undefined, 5000]);
    expect(await lastUse.read([])).toEqual([]);
  });

  it('is written at most hourly per key, by however many processes', async () => {
    const other = await open();
    lastUse.note([ann], 5000);
    await until(other, [ann], [5000]);
    other.note([ann], 5000 + HOUR);
    other.note([bob], 1);
    await until(other, [ann, bob], [5000, 1]);
    // Not an hour after its own attempt, but after what is there.
    other.note([ann], 5001 + HOUR);
    await until(lastUse, [ann], [5001 + HOUR]);
    other.close();
  });

  it('remembers no more keys than it may, and loses none by that', async () => {
    const small = await open(2);
    const keys = Array.from({ length: 50 }, (_, nth) => ({ userId: `user ${nth}`, keyId: 'key' }));
    for (const key of keys) {
      small.note([key], 7000);
      await until(small, [key], [7000]);
    }
    expect(await small.read(keys)).toEqual(keys.map(() => 7000));
    small.close();
  });

  it('is lost while Redis is away, which is told once, and written at the next use', async () => {
    await redis.kill();
    for (let nth = 0; nth < 5; nth++) {
      lastUse.note([ann, bob], 5000 + nth);
      await expect(lastUse.read([ann])).rejects.toThrow(LookupUnavailable);
    }
    while (faults.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(faults).toHaveLength(1);
    await redis.restart();
    while ((await lastUse.read([ann]).catch(() => [])).length === 0) await new Promise((r) => setTimeout(r, 2));
    lastUse.note([ann], 9000);
    await until(lastUse, [ann], [9000]);
  });

  it('needs no right but to its own hash', async () => {
    const admin = new Redis(redis.url);
    await admin.call('ACL', 'SETUSER', 'auth', 'on', '>secret', 'resetkeys', '~latchkey:last-used', ...RIGHTS);
    const url = redis.url.replace('redis://', 'redis://auth:secret@');
    const limited = await RedisLastUse.connect({ url });
    limited.note([ann], 5000);
    await until(limited, [ann], [5000]);
    limited.close();
    admin.disconnect();
  });
});
