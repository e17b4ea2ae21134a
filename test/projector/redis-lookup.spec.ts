import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type LookupReader } from '#key-lookup/lookup-reader';
import { RedisKeyLookup } from '#key-lookup/redis-key-lookup';
import { shardKey } from '#key-lookup/redis-keys';
import { parseShardState } from '#key-lookup/shard-state';
import { StampWatch } from '#key-lookup/stamp-watch';
import { MemoryKeyLookup } from '#key-lookup/memory-key-lookup';
import { GenerationWriter } from '#key-lookup/generation-writer';
import { hashNo } from '#testing/given-keys';
import { keyCreated, keyDeleted } from '#testing/key-events';
import { lookUpAll } from '#testing/look-up-all';
import { redisServer, startRedis, type RedisOptions, type RedisProcess } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { verifyMany } from '#verification/verify-many';
import { ProjectedLog, until } from './projected-log.ts';

const ann = ['ann', 'key'] as const;
const hash = hashNo(1);
const revoked = hashNo(2);
/** A dump is written when a test says so, and nothing else survives a kill. */
const DUMPS_ONLY = { args: ['--appendonly', 'no'] };

describe.each([{ shards: 1 }, { shards: 16 }])('with $shards shards', ({ shards }) => {
  requires(redisServer)('a projection into Redis', () => {
    let redis: RedisProcess;
    let lookup: RedisKeyLookup;
    let log: ProjectedLog;
    const opened: { close(): void }[] = [];

    async function start(options: RedisOptions = {}, maxStalenessMs = 30_000): Promise<void> {
      redis = await startRedis(options);
      lookup = await RedisKeyLookup.connect({ url: redis.url });
      opened.push(lookup);
      log = await ProjectedLog.open({ keptIn: { lookup, reader: await newReader(maxStalenessMs) } });
    }

    /** As auth has one that was started just now. */
    async function newReader(maxStalenessMs = 30_000): Promise<LookupReader> {
      const reader = await lookup.reader({ maxStalenessMs, monotonicMs: () => performance.now() });
      opened.push(reader);
      return reader;
    }

    const verdictOf = async (reader: LookupReader, of: string) => {
      const [verdict] = await verifyMany([{ hash: of }], reader);
      return verdict?.valid === true ? 'valid' : verdict?.code;
    };

    async function admin<T>(work: (client: Redis) => Promise<T>): Promise<T> {
      const client = new Redis(redis.url);
      try {
        return await work(client);
      } finally {
        client.disconnect();
      }
    }

    beforeEach(() => {
      opened.length = 0;
    });
    afterEach(async () => {
      await log.close();
      for (const one of opened) one.close();
      await redis.stop();
    });

    it('follows the log, and two at once end as one does', async () => {
      await start();
      const alone = new MemoryKeyLookup();
      log.project({ lookup: alone, shards: 1 });
      log.project({ shards });
      log.project({ shards });
      for (let n = 0; n < 30; n++) {
        await log.append(keyCreated([`user ${n % 7}`, `key ${n}`], hashNo(n % 20)));
        if (n % 3 === 0) await log.append(keyDeleted([`user ${n % 7}`, `key ${n}`], hashNo(n % 20)));
      }
      const head = (await log.store.readHead())!.commit;
      const minPosition = String(head);
      await until(() => reached(minPosition));
      await until(async () => (await alone.live()) !== undefined && (await log.digest(alone)) === (await log.digest()));
      expect(await lookup.generations()).toEqual([await lookup.live()]);
    });

    const reached = async (minPosition: string) => {
      const verdict = await log.verify({ minPosition });
      return !verdict.valid && verdict.code === 'NOT_FOUND';
    };

    it('says UNAVAILABLE after FLUSHALL, never that a key is unknown, and is back by itself', async () => {
      await start();
      await log.append(keyCreated(ann, hash));
      const { projector } = log.project({ shards });
      await log.untilVerdict(hash, { valid: true });
      await admin((client) => client.flushall());
      const seen = new Set<string | undefined>();
      while (!seen.has('valid')) seen.add(await verdictOf(log.reader, hash));
      expect([...seen].filter((verdict) => verdict !== 'valid' && verdict !== 'UNAVAILABLE')).toEqual([]);
      expect(projector.status.rebuilds).toBeGreaterThan(0);
    });

    it('would call a key unknown if a lost shard were taken for an empty one', async () => {
      await start();
      await log.append(keyCreated(ann, hash));
      const { stop } = log.project({ shards });
      await log.untilVerdict(hash, { valid: true });
      await stop();
      const name = (await lookup.live())!;
      const origin = (await lookup.origin(name))!;
      const { checkpoint } = (await lookup.readShard(name, 0))!;
      await admin((client) => client.flushall());
      await lookup.createGeneration(name, origin);
      await lookup.switchLive(undefined, name);
      const writer = await GenerationWriter.open(lookup, name);
      await until(async () => {
        await writer.apply({ after: writer.resumeAfter, upTo: checkpoint!, events: [], stamp: String(Math.random()) });
        return (await verdictOf(log.reader, hash)) === 'NOT_FOUND';
      });
    });

    it('is built anew when one of its shards is gone, or the pointer', async () => {
      await start();
      await log.append(keyCreated(ann, hash));
      const { projector } = log.project({ shards });
      await log.untilVerdict(hash, { valid: true });
      const first = (await lookup.live())!;
      await admin((client) => client.del(shardKey(first, shards - 1)));
      await until(async () => ![undefined, first].includes(await lookup.live()));
      await log.untilVerdict(hash, { valid: true });
      const { rebuilds } = projector.status;
      await admin((client) => client.del('latchkey:lookup:{generations}:live'));
      await until(() => projector.status.rebuilds > rebuilds);
      await log.untilVerdict(hash, { valid: true });
      await until(async () => (await lookup.generations()).length === 1);
    });

    it('is built anew by a projector that starts when a shard is gone', async () => {
      await start();
      await log.append(keyCreated(ann, hash));
      const { stop } = log.project({ shards });
      await log.untilVerdict(hash, { valid: true });
      await stop();
      await admin(async (client) => client.del(shardKey((await lookup.live())!, shards - 1)));
      expect(
        await Promise.all([verdictOf(await newReader(), revoked), log.reader.shards().catch(() => 'away')]),
      ).toEqual(['UNAVAILABLE', 'away']);
      log.project({ shards });
      await log.untilVerdict(hash, { valid: true });
    });

    describe('restored from a dump that was made before a revocation', () => {
      let name: string;

      /** The key is revoked in the log and in the lookup; the dump does not know. */
      async function revokedAfterDump(): Promise<{ stop: () => Promise<void> }> {
        await start(DUMPS_ONLY);
        await log.append(keyCreated(ann, hash), keyCreated(['ann', 'other'], revoked));
        const running = log.project({ shards });
        await log.untilVerdict(revoked, { valid: true });
        name = (await lookup.live())!;
        await admin((client) => client.save());
        copyFileSync(join(redis.dataDir, 'dump.rdb'), join(redis.dataDir, 'old.rdb'));
        await log.append(keyDeleted(['ann', 'other'], revoked));
        await log.untilVerdict(revoked, { code: 'NOT_FOUND' });
        return running;
      }

      async function restore(): Promise<void> {
        await redis.kill();
        copyFileSync(join(redis.dataDir, 'old.rdb'), join(redis.dataDir, 'dump.rdb'));
        await redis.restart();
      }

      /** Whatever is said until the lookup is back. */
      async function verdictsUntilBack(reader: LookupReader): Promise<Set<string | undefined>> {
        const verdicts = new Set<string | undefined>();
        while (!verdicts.has('NOT_FOUND') && !verdicts.has('valid')) verdicts.add(await verdictOf(reader, revoked));
        return verdicts;
      }

      it('never accepts the revoked key, by a reader that ran on or by one that has just started', async () => {
        await revokedAfterDump();
        await restore();
        const seen = await Promise.all([verdictsUntilBack(log.reader), verdictsUntilBack(await newReader())]);
        expect(seen.map((verdicts) => verdicts.has('valid'))).toEqual([false, false]);
        await log.untilVerdict(hash, { valid: true });
      });

      it('accepts nothing at all while no projector runs', async () => {
        const { stop } = await revokedAfterDump();
        await stop();
        await restore();
        const reader = await newReader();
        await until(async () => (await reader.shards().catch(() => [])).length === shards);
        await until(async () => (await log.reader.shards().catch(() => [])).length === shards);
        expect(await Promise.all([reader, log.reader].map((one) => verdictOf(one, revoked)))).toEqual([
          'UNAVAILABLE',
          'UNAVAILABLE',
        ]);
      });

      it('would accept it if a change of the stamp counted across connections', async () => {
        const { stop } = await revokedAfterDump();
        const watch = new StampWatch();
        const look = () =>
          admin(async (client) => {
            const { stamp } = parseShardState((await client.hget(shardKey(name, 0), 'state'))!);
            watch.observe(stamp, performance.now());
            return watch.isFresh(performance.now(), 30_000);
          });
        await until(look);
        await stop();
        await restore();
        expect(await look()).toBe(true);
        const answer = async () => (await lookUpAll(log.reader, [revoked]).catch(() => []))[0];
        await until(async () => (await answer())?.entry !== undefined);
        expect((await answer())?.shard.fresh).toBe(false);
      });
    });

    it.each([
      {
        fault: 'paused',
        strike: () => {
          redis.pause();
          return Promise.resolve();
        },
        mend: () => {
          redis.resume();
          return Promise.resolve();
        },
      },
      { fault: 'killed', strike: () => redis.kill(), mend: () => redis.restart() },
    ])('says UNAVAILABLE while Redis is $fault, and is back by itself without a rebuild', async ({ strike, mend }) => {
      await start();
      await log.append(keyCreated(ann, hash));
      const { projector } = log.project({ shards });
      await log.untilVerdict(hash, { valid: true });
      await strike();
      expect(await verdictOf(log.reader, hash)).toBe('UNAVAILABLE');
      const position = await log.append(keyDeleted(ann, hash));
      await mend();
      const seen = new Set<string | undefined>();
      // What was true before the deletion is no verdict once the caller knows its position.
      while (!seen.has('NOT_FOUND')) {
        const verdict = await log.verify({ hash, minPosition: String(position) });
        seen.add(verdict.valid ? 'valid' : verdict.code);
      }
      expect(seen.has('valid')).toBe(false);
      expect(projector.status.rebuilds).toBe(0);
    });

    it('forgets what a log that is replaced by an older copy does not hold', async () => {
      await start();
      await log.append(keyCreated(ann, hash));
      const { stop } = log.project({ shards });
      await log.untilVerdict(hash, { valid: true });
      await log.stopStore();
      const backup = await log.copyData();
      await log.startStore();
      await log.append(keyCreated(['ann', 'lost'], revoked));
      await log.untilVerdict(revoked, { valid: true });
      const first = await lookup.live();
      await stop();
      await log.stopStore();
      await log.startStore(backup);
      // With nobody who looks at the log, the lookup goes on about one that is no more.
      expect(await verdictOf(log.reader, revoked)).toBe('valid');
      const { projector } = log.project({ shards });
      await log.untilVerdict(revoked, { code: 'NOT_FOUND' });
      await log.untilVerdict(hash, { valid: true });
      expect(projector.status.rebuilds).toBe(1);
      await until(async () => !(await lookup.generations()).includes(first!));
    });
  });
});
