import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { EventEmitter, once } from 'node:events';
import { RedisConnection } from '#key-lookup/redis-connection';
import { type LeaseTurn, RedisLease } from '#key-lookup/redis-lease';
import { redisServer, startRedis, type RedisProcess } from '#testing/redis-process';
import { requires } from '#testing/requires';

/** Somebody who wants to lead, and what became of it. */
class Candidate {
  readonly #news = new EventEmitter();
  readonly #stop = new AbortController();
  isLeading = false;
  turns = 0;
  giveBack: () => void = () => undefined;
  #running: Promise<void>;

  constructor(
    readonly lease: RedisLease,
    /** Whether it heeds the loss of the lease; one that is stuck does not. */
    private readonly heeds: boolean,
  ) {
    this.#running = lease.lead((turn) => this.#lead(turn), this.#stop.signal);
  }

  async #lead({ signal: lost, giveBack }: LeaseTurn): Promise<void> {
    this.giveBack = giveBack;
    this.turns += 1;
    this.isLeading = true;
    this.#news.emit('news');
    if (!lost.aborted) await once(lost, 'abort');
    this.isLeading = false;
    this.#news.emit('news');
    if (!this.heeds && !this.#stop.signal.aborted) await once(this.#stop.signal, 'abort');
  }

  async until(isSo: (candidate: Candidate) => boolean): Promise<void> {
    while (!isSo(this)) await once(this.#news, 'news');
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.lease.close();
  }
}

requires(redisServer)('the lease of a projector', () => {
  let redis: RedisProcess;
  const candidates: Candidate[] = [];
  const candidate = async ({ heeds = true } = {}) => {
    const one = new Candidate(await RedisLease.connect({ url: redis.url, ttlMs: 600 }), heeds);
    candidates.push(one);
    return one;
  };

  beforeEach(async () => {
    redis = await startRedis();
  });

  afterEach(async () => {
    redis.resume();
    for (const one of candidates.splice(0)) await one.end();
    await redis.stop();
  });

  it('is held by one at a time, and goes to another as soon as it is given back', async () => {
    const first = await candidate();
    await first.until(({ isLeading }) => isLeading);
    const second = await candidate();
    const third = await candidate();
    expect([second.lease.isHeld, third.lease.isHeld]).toEqual([false, false]);
    await first.end();
    await Promise.race([second, third].map((one) => one.until(({ isLeading }) => isLeading)));
    expect([second.isLeading, third.isLeading].filter(Boolean)).toHaveLength(1);
  });

  it('goes to another when its holder says nothing any more', async () => {
    const first = await candidate();
    await first.until(({ isLeading }) => isLeading);
    const second = await candidate();
    first.lease.close();
    await second.until(({ isLeading }) => isLeading);
    await first.until(({ isLeading }) => !isLeading);
  });

  it('is given up by its holder before another can have it, when Redis does not answer', async () => {
    const first = await candidate();
    await first.until(({ isLeading }) => isLeading);
    redis.pause();
    await first.until(({ isLeading }) => !isLeading);
    redis.resume();
    await first.until(({ turns }) => turns === 2);
  });

  it('is not taken for held by one whose lease went to another meanwhile', async () => {
    const first = await candidate();
    await first.until(({ isLeading }) => isLeading);
    const second = await candidate();
    const other = await RedisConnection.open({ url: redis.url });
    await other.ask('flushall');
    other.close();
    // Whichever has it now: the one who lost it has noticed.
    await Promise.race([
      first.until(({ turns }) => turns === 2),
      Promise.all([second.until(({ isLeading }) => isLeading), first.until(({ isLeading }) => !isLeading)]),
    ]);
    expect([first.isLeading, second.isLeading].filter(Boolean)).toHaveLength(1);
  });

  it('goes to another where its holder gives it back, and to the same one if there is none', async () => {
    const first = await candidate();
    await first.until(({ isLeading }) => isLeading);
    const second = await candidate();
    first.giveBack();
    await second.until(({ isLeading }) => isLeading);
    expect(first.isLeading).toBe(false);
    await second.end();
    await first.until(({ turns }) => turns === 2);
    first.giveBack();
    await first.until(({ turns }) => turns === 3);
  });

  it('ends by itself where it is given back by work that does not end', async () => {
    const stuck = await candidate({ heeds: false });
    await stuck.until(({ isLeading }) => isLeading);
    const next = await candidate();
    stuck.giveBack();
    await next.until(({ isLeading }) => isLeading);
    expect(stuck.turns).toBe(1);
  });

  it('is not held up by work that does not heed its loss: another leads meanwhile', async () => {
    const stuck = await candidate({ heeds: false });
    await stuck.until(({ isLeading }) => isLeading);
    stuck.lease.close();
    const next = await candidate();
    await next.until(({ isLeading }) => isLeading);
    expect(stuck.turns).toBe(1);
  });
});
