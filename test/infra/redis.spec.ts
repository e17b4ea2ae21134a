import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { ownRedis, startOwnRedis } from '#testing/redis-process';
import { requires } from '#testing/requires';

requires(ownRedis)('a Redis of a test’s own', () => {
  let server: Awaited<ReturnType<typeof startOwnRedis>>;

  beforeAll(async () => {
    server = await startOwnRedis();
  });

  afterAll(() => server.stop());

  async function ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(server.url);
    try {
      return await question(redis);
    } finally {
      redis.disconnect();
    }
  }

  it('refuses to forget for want of memory', async () => {
    expect(await ask((redis) => redis.config('GET', 'maxmemory-policy'))).toEqual(['maxmemory-policy', 'noeviction']);
  });

  it('keeps its port and what it acknowledged over a kill', async () => {
    const { url, pid } = server;
    await ask((redis) => redis.set('kept', 'yes'));
    await server.kill();
    await server.restart();
    expect(server.url).toBe(url);
    expect(server.pid).not.toBe(pid);
    expect(await ask((redis) => redis.get('kept'))).toBe('yes');
  });

  it('answers nothing while it is paused, and everything after', async () => {
    const redis = new Redis(server.url);
    await redis.ping();
    await server.pause();
    const answer = redis.ping();
    // It took the connection and the question; the kernel does that for it.
    const other = new Redis(server.url, { commandTimeout: 300, maxRetriesPerRequest: 0, enableReadyCheck: false });
    await expect(other.ping()).rejects.toThrow('Command timed out');
    await server.resume();
    expect(await answer).toBe('PONG');
    redis.disconnect();
    other.disconnect();
  });
});
