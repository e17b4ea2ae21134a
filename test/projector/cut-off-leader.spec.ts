import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { EventStore } from '#event-store/event-store';
import { RedisKeyLookup } from '#key-lookup/redis-key-lookup';
import { RedisLease } from '#key-lookup/redis-lease';
import { ProjectorService } from '#projector/projector.service';
import { hashNo } from '#testing/given-keys';
import { keyCreated } from '#testing/key-events';
import { redisServer, startRedis, type RedisProcess } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { TcpProxy } from '#testing/tcp-proxy';
import { ProjectedLog, until } from './projected-log.ts';

const ann = ['ann', 'key'] as const;
const bob = ['bob', 'key'] as const;
const [annsHash, bobsHash] = [hashNo(1), hashNo(2)];
const MAX_STALENESS_MS = 5000;

requires(redisServer)('a leading projector that is cut off from the event store alone', () => {
  let redis: RedisProcess;
  let log: ProjectedLog;
  let relay: TcpProxy;
  let lookup: RedisKeyLookup;
  let opened: (() => unknown)[];

  beforeEach(async () => {
    redis = await startRedis();
    lookup = await RedisKeyLookup.connect({ url: redis.url });
    const monotonicMs = () => performance.now();
    const reader = await lookup.reader({ maxStalenessMs: MAX_STALENESS_MS, monotonicMs });
    log = await ProjectedLog.open({ keptIn: { lookup, reader } });
    relay = await TcpProxy.open({ host: '127.0.0.1', port: log.port });
    opened = [() => reader.close(), () => lookup.close(), () => redis.stop(), () => relay.close(), () => log.close()];
  });
  afterEach(async () => {
    relay.deliverReplies();
    for (const close of opened) await close();
  });

  /** One of several, as `apps/projector` puts it together. */
  async function replica(port: number, maxStandstillMs: number) {
    const lease = await RedisLease.connect({ url: redis.url, ttlMs: 2000 });
    const eventStore = EventStore.connect(`esdb://127.0.0.1:${port}?tls=false`, { callMs: 1000 });
    const service = new ProjectorService({
      eventStore,
      lookup,
      lease,
      shards: 2,
      proofIntervalMs: 20,
      maxStandstillMs,
    });
    service.onApplicationBootstrap();
    opened.unshift(
      () => service.beforeApplicationShutdown(),
      () => lease.close(),
      () => eventStore.close(),
    );
    return { service, lease };
  }

  /** The first one leads and is cut off; the other stands by, and can do all. */
  async function cutOff(maxStandstillMs: number) {
    await log.append(keyCreated(ann, annsHash));
    const first = await replica(relay.port, maxStandstillMs);
    await log.untilVerdict(annsHash, { valid: true });
    const other = await replica(log.port, maxStandstillMs);
    expect([first.lease.isHeld, other.lease.isHeld]).toEqual([true, false]);
    relay.withholdReplies();
    await log.append(keyCreated(bob, bobsHash));
    return { first, other };
  }

  it('gives its lease back, and the lookup goes on by another', async () => {
    const { first, other } = await cutOff(2000);
    await log.untilVerdict(bobsHash, { valid: true });
    expect(other.lease.isHeld).toBe(true);
    await until(() => !first.lease.isHeld);
    expect(other.service.status.rebuilds).toBe(0);
    await log.untilVerdict(annsHash, { valid: true });
  });

  it('would keep it for ever, and the lookup would go stale', async () => {
    const { first, other } = await cutOff(3_600_000);
    await log.untilVerdict(annsHash, { code: 'UNAVAILABLE' });
    expect([first.lease.isHeld, other.lease.isHeld]).toEqual([true, false]);
    expect(other.service.status.proofs).toBe(0);
  });

  it('has its turn again when the other ends and it is back', async () => {
    const { first, other } = await cutOff(2000);
    await until(() => other.service.status.caughtUp && !first.lease.isHeld);
    relay.deliverReplies();
    await other.service.beforeApplicationShutdown();
    const position = await log.append(keyCreated(['ann', 'next'], hashNo(3)));
    await log.untilVerdict(hashNo(3), { valid: true });
    // It says so a moment after Redis does.
    await until(() => (first.service.status.position ?? 0n) >= position);
  });
});
