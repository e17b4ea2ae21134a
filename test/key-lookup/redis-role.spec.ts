import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { LookupUnavailable } from '#key-lookup/lookup-reader';
import { RedisKeyLookup } from '#key-lookup/redis-key-lookup';
import { redisServer, startRedis, type RedisProcess } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { liveGeneration } from './lookup-fixtures.ts';

/** By default a master waits five seconds for more replicas before it copies what it has to the first. */
const AT_ONCE = ['--repl-diskless-sync-delay', '0'];

requires(redisServer)('a lookup whose address leads to a replica', () => {
  let master: RedisProcess;
  let replica: RedisProcess;
  let admin: Redis;
  let store: RedisKeyLookup;
  const opened: { close(): void }[] = [];

  const connect = async (url: string) => {
    const lookup = await RedisKeyLookup.connect({ url });
    opened.push(lookup);
    return lookup;
  };
  const isAnswered = (of: RedisKeyLookup) =>
    of.live().then(
      (name) => name === 'first',
      () => false,
    );
  const until = async (condition: () => Promise<boolean>) => {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  beforeEach(async () => {
    opened.length = 0;
    master = await startRedis({ args: AT_ONCE });
    replica = await startRedis({ args: [...AT_ONCE, '--replicaof', '127.0.0.1', String(master.port)] });
    admin = new Redis(replica.url);
    store = await connect(master.url);
    await liveGeneration(store, 1);
    // As it comes, a client takes what a replica says.
    await until(async () => (await admin.get('latchkey:lookup:{generations}:live').catch(() => null)) === 'first');
  });
  afterEach(async () => {
    for (const one of opened) one.close();
    admin.disconnect();
    await replica.stop();
    await master.stop();
  });

  it('has no answer, until that is a master', async () => {
    const lookup = await connect(replica.url);
    await expect(lookup.live()).rejects.toThrow(LookupUnavailable);
    const reader = await lookup.reader({ maxStalenessMs: 30_000, monotonicMs: () => performance.now() });
    opened.push(reader);
    await expect(reader.shards()).rejects.toThrow(LookupUnavailable);
    await admin.call('REPLICAOF', 'NO', 'ONE');
    await until(() => isAnswered(lookup));
    await until(() =>
      reader.shards().then(
        () => true,
        () => false,
      ),
    );
  });

  it('has none any more when its master was made a replica, which keeps the connections', async () => {
    expect(await isAnswered(store)).toBe(true);
    const own = new Redis(master.url);
    await admin.call('REPLICAOF', 'NO', 'ONE');
    await own.call('REPLICAOF', '127.0.0.1', String(replica.port));
    await until(async () => !(await isAnswered(store)));
    expect(await own.info('replication')).toContain('role:slave');
    await own.call('REPLICAOF', 'NO', 'ONE');
    await until(() => isAnswered(store));
    own.disconnect();
  });

  it('has none without the right to ask, which it tells', async () => {
    await admin.call('ACL', 'SETUSER', 'auth', 'on', '>secret', '~*', '+get', '-info');
    await admin.call('REPLICAOF', 'NO', 'ONE');
    const faults: (Error | undefined)[] = [];
    const url = replica.url.replace('redis://', 'redis://auth:secret@');
    const lookup = await RedisKeyLookup.connect({ url, onState: (_, fault) => faults.push(fault) });
    opened.push(lookup);
    await expect(lookup.live()).rejects.toThrow(LookupUnavailable);
    await until(() => Promise.resolve(faults.length > 0));
    expect(faults[0]?.message).toContain('NOPERM');
  });
});
