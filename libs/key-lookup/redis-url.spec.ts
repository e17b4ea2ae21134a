import { describe, expect, it } from '@jest/globals';
import { RedisConnection } from './redis-connection.ts';
import { isRedisUrl } from './redis-url.ts';

describe('the address of a Redis', () => {
  it.each([
    'redis://localhost',
    'redis://127.0.0.1:7000/3',
    'redis://[::1]:6379',
    'rediss://user:p%40ss@redis.example:6380/',
    'redis://:password@one:7000,redis://:password@two:7001, redis://:password@three:7002',
  ])('may be %s', (url) => {
    expect(isRedisUrl(url)).toBe(true);
  });

  it.each([
    '',
    'localhost:6379',
    'http://one',
    'redis://',
    'redis://one/db',
    'redis://one/1,redis://two/1',
    'redis://one,',
  ])('can’t be %p', async (url) => {
    expect(isRedisUrl(url)).toBe(false);
    await expect(RedisConnection.open({ url })).rejects.toThrow(RangeError);
  });
});
