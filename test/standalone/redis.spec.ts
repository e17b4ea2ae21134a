import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { aFolder } from '#testing/folders';
import { KeysApi } from '#testing/keys-api';
import { redisServer, startRedis, type RedisProcess } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { StandaloneProcess } from '#testing/standalone-process';

const PASSWORD = 'a-password-of-redis';

requires(redisServer)('standalone with REDIS_URL', () => {
  let redis: RedisProcess;
  const running: StandaloneProcess[] = [];
  const start = async (dataDir: string) => {
    const url = redis.url.replace('redis://', `redis://:${PASSWORD}@`);
    const service = await StandaloneProcess.start(dataDir, { REDIS_URL: url, LOOKUP_SHARDS: '4' });
    running.push(service);
    return service;
  };
  beforeEach(async () => {
    redis = await startRedis({ args: ['--requirepass', PASSWORD] });
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((service) => service.kill('SIGKILL')));
    await redis.stop();
  });

  it('keeps the lookup there, over its own restart and a kill of Redis, and never calls a fault a verdict', async () => {
    const dataDir = aFolder('redis');
    const first = await start(dataDir);
    const key = (await new KeysApi(first.url, 'ann', first.token).create({ label: 'CI', scopes: ['insight:read'] }))
      .body;
    expect(await first.kill('SIGTERM')).toBe(0);

    const service = await start(dataDir);
    const ann = new KeysApi(service.url, 'ann', service.token);
    const ready = async () => (await fetch(`${service.url}/readyz`)).status;
    expect([(await ann.verify(key.value!)).status, await ready()]).toEqual([200, 200]);

    // What was used before the restart is remembered, where memory would have forgotten it.
    while ((await ann.get(key.id)).body.last_used_at === null) await new Promise((resolve) => setTimeout(resolve, 5));

    await redis.kill();
    expect([(await ann.verify(key.value!)).status, await ready()]).toEqual([503, 503]);
    await redis.restart();
    const seen = new Set<number>();
    while (!seen.has(200)) seen.add((await ann.verify(key.value!)).status);
    expect([...seen].filter((status) => status !== 503 && status !== 200)).toEqual([]);

    await ann.delete(key.id);
    expect((await ann.verify(key.value!)).status).toBe(401);
    expect(await service.kill('SIGTERM')).toBe(0);
    expect(service.output).toContain('Redis is away');
    expect(first.output + service.output).not.toContain(PASSWORD);
  });

  it('holds no value of a key', async () => {
    const service = await start(aFolder('redis'));
    const ann = new KeysApi(service.url, 'ann', service.token);
    const { value } = (await ann.create({ label: 'CI', scopes: ['insight:read'] })).body;
    expect((await ann.verify(value!)).status).toBe(200);
    const admin = new Redis(redis.url, { password: PASSWORD });
    for (const name of await admin.keys('*')) expect((await admin.dumpBuffer(name)).includes(value!)).toBe(false);
    expect((await admin.keys('latchkey:lookup:*')).length).toBeGreaterThan(4);
    admin.disconnect();
  });

  it('refuses an address that is none, and does not show it', async () => {
    const service = StandaloneProcess.launch(aFolder('redis'), { REDIS_URL: `http://${PASSWORD}` });
    running.push(service);
    expect(await service.ended()).toBe(1);
    expect(service.output).toContain('  REDIS_URL: must be redis://');
    expect(service.output).not.toContain(PASSWORD);
  });
});
