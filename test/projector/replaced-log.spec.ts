import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type LookupStore, type ShardWrite } from '#key-lookup/lookup-store';
import { hashNo } from '#testing/given-keys';
import { keyCreated, keyDeleted, newEvent } from '#testing/key-events';
import { ProjectedLog, replacing, until } from './projected-log.ts';

const ann = ['ann', 'key'] as const;
const hash = hashNo(1);
const lost = hashNo(2);

describe('a projector whose log is restored from a backup', () => {
  let log: ProjectedLog;
  beforeEach(async () => {
    log = await ProjectedLog.open();
  });
  afterEach(() => log.close());

  /** Of a log with one key, that a projector has seen and so has its id; the store is stopped then. */
  async function backup(): Promise<string> {
    await log.append(keyCreated(ann, hash));
    const { stop } = log.project();
    await log.untilVerdict(hash, { valid: true });
    await stop();
    await log.stopStore();
    return log.copyData();
  }

  /** The same log twice: one that the projector follows, and a backup in which the key is revoked and more happened since. */
  async function withBackup(): Promise<{ grown: string; grownHead: bigint }> {
    const own = log.dataDir;
    const grown = await backup();
    await log.startStore(grown);
    await log.append(keyDeleted(ann, hash));
    const others = Array.from({ length: 40 }, () => newEvent(keyCreated(ann, hash)));
    const grownHead = await log.appendTo('other-stream', others);
    await log.stopStore();
    await log.startStore(own);
    await log.append(keyCreated(['bob', 'lost'], lost));
    return { grown, grownHead };
  }

  it('notices it although the log has got further than before', async () => {
    const { grown, grownHead } = await withBackup();
    const { projector } = log.project();
    await log.untilVerdict(lost, { valid: true });
    await until(() => projector.status.caughtUp);
    expect(grownHead).toBeGreaterThan(projector.status.position!);
    await log.stopStore();
    await log.startStore(grown);
    await log.untilVerdict(hash, { code: 'NOT_FOUND' });
    expect(await log.verify({ hash: lost })).toMatchObject({ code: 'NOT_FOUND' });
    expect(projector.status.rebuilds).toBe(1);
  });

  it('notices it at the first event that comes, before that is applied', async () => {
    const { grown } = await withBackup();
    let isProving = true;
    const eventStore = replacing(log.store, 'readHead', (options) =>
      isProving ? log.store.readHead(options) : Promise.reject(new Error('no more proofs')),
    );
    const { projector } = log.project({ eventStore });
    await log.untilVerdict(lost, { valid: true });
    await until(() => projector.status.caughtUp);
    isProving = false;
    const { events } = projector.status;
    await log.stopStore();
    await log.startStore(grown);
    await log.append(keyCreated(['eve', 'key'], hashNo(3)));
    await until(() => projector.status.rebuilds === 1);
    expect(projector.status.events).toBe(events);
  });

  it('notices it where just as much has happened since, but something else', async () => {
    const own = log.dataDir;
    const other = await backup();
    await log.startStore(other);
    const otherHead = await log.append(keyCreated(['eve', 'else'], hashNo(3)));
    await log.stopStore();
    await log.startStore(own);
    expect(await log.append(keyCreated(['bob', 'lost'], lost))).toBe(otherHead);
    const { projector } = log.project();
    await log.untilVerdict(lost, { valid: true });
    await log.stopStore();
    await log.startStore(other);
    await log.untilVerdict(lost, { code: 'NOT_FOUND' });
    await log.untilVerdict(hashNo(3), { valid: true });
    expect(projector.status.rebuilds).toBe(1);
  });

  it('notices it between the reading of the head and of what lies before it', async () => {
    const eventId = randomUUID();
    const seen: bigint[] = [];
    const stamped: ShardWrite[] = [];
    const eventStore = replacing(log.store, 'readHead', async (options) => {
      const head = (await log.store.readHead(options))!;
      // What is there afterwards is of another log than the head was.
      return seen.some((commit) => head.commit > commit) ? { ...head, eventId } : head;
    });
    const { projector } = log.project({ eventStore, lookup: watchingStamps(log.lookup, stamped) });
    await until(() => projector.status.caughtUp);
    seen.push((await log.store.readHead())!.commit);
    await log.appendTo('other-stream', [newEvent(keyCreated(ann, hash))]);
    await until(() => projector.status.rebuilds > 0);
    expect(stamped.filter(({ checkpoint }) => checkpoint!.commit > seen[0]!)).toEqual([]);
  });

  it('answers from the old one no longer than it takes to notice', async () => {
    await log.append(keyCreated(ann, hash));
    let isThere = true;
    const away = replacing(log.store, 'readHead', (options) =>
      isThere ? log.store.readHead(options) : Promise.resolve(undefined),
    );
    const eventStore = replacing(away, 'readStream', (stream, from, options) =>
      isThere ? log.store.readStream(stream, from, options) : untilAborted(options!.signal!),
    );
    log.project({ eventStore });
    await log.untilVerdict(hash, { valid: true });
    isThere = false;
    await log.untilVerdict(hash, { code: 'UNAVAILABLE' });
  });
});

describe('a projector whose log goes out of sight', () => {
  let log: ProjectedLog;
  const reached = async (position: bigint) => {
    const verdict = await log.verify({ hash, minPosition: String(position) });
    return verdict.valid ? 'valid' : verdict.code;
  };
  beforeEach(async () => {
    log = await ProjectedLog.open();
  });
  afterEach(() => log.close());

  it('meets no position until it is proved again, at once when the log is back', async () => {
    const position = await log.append(keyCreated(ann, hash));
    const { projector } = log.project({ proofIntervalMs: 3_600_000 });
    await log.untilVerdict(hash, { valid: true });
    await until(async () => (await reached(position)) === 'valid');
    await log.stopStore();
    await until(async () => (await reached(position)) === 'STALE');
    expect(await log.verify({ hash })).toMatchObject({ valid: true });
    await log.startStore();
    await until(async () => (await reached(position)) === 'valid');
    expect(projector.status.rebuilds).toBe(0);
  });

  it('meets none by a proof that began before it was back', async () => {
    const position = await log.append(keyCreated(ann, hash));
    const gate = new Gate();
    const stamped: ShardWrite[] = [];
    const { projector } = log.project({ eventStore: gate.before(log), lookup: watchingStamps(log.lookup, stamped) });
    await until(async () => projector.status.caughtUp && (await reached(position)) === 'valid');
    gate.close();
    await until(() => gate.waiting > 0);
    await log.stopStore();
    await until(async () => (await reached(position)) === 'STALE');
    await log.startStore();
    await log.append(keyCreated(['bob', 'new'], lost));
    await log.untilVerdict(lost, { valid: true });
    expect(await reached(position)).toBe('STALE');
    stamped.length = 0;
    gate.open();
    await until(async () => (await reached(position)) === 'valid');
    expect(stamped[0]).not.toHaveProperty('unproved');
    expect(stamped.at(-1)).toMatchObject({ unproved: false });
  });
});

describe('a proof', () => {
  let log: ProjectedLog;
  let nowMs: number;
  const monotonicMs = () => nowMs;
  beforeEach(async () => {
    log = await ProjectedLog.open();
    nowMs = 0;
  });
  afterEach(() => log.close());

  it('that takes long gives no stamp, but is made again at once', async () => {
    await log.append(keyCreated(ann, hash));
    const gate = new Gate();
    const stamped: ShardWrite[] = [];
    const lookup = watchingStamps(log.lookup, stamped);
    const { projector } = log.project({ eventStore: gate.before(log), lookup, monotonicMs });
    await until(() => projector.status.caughtUp);
    gate.close();
    await until(() => gate.waiting > 0);
    stamped.length = 0;
    const { proofs } = projector.status;
    nowMs += 8000;
    gate.open({ once: true });
    await until(() => gate.waiting > 0);
    expect(stamped).toEqual([]);
    expect(projector.status).toMatchObject({ proofs, provedAgoMs: 8000 });
    gate.open();
    await until(() => projector.status.proofs > proofs);
    expect(stamped.length).toBeGreaterThan(0);
    expect(projector.status.provedAgoMs).toBe(0);
  });

  it('is as old as its beginning', async () => {
    const eventStore = replacing(log.store, 'readHead', async (options) => {
      const head = await log.store.readHead(options);
      nowMs += 300;
      return head;
    });
    const { projector } = log.project({ eventStore, monotonicMs });
    await until(() => projector.status.caughtUp);
    expect(projector.status.provedAgoMs).toBeGreaterThanOrEqual(300);
  });
});

/** Where the last call of a proof waits: it has read the head before. */
class Gate {
  waiting = 0;
  #isClosed = false;
  #waiters: (() => void)[] = [];

  before(log: ProjectedLog): ProjectedLog['store'] {
    return replacing(log.store, 'readStream', async (stream, from, options) => {
      const read = await log.store.readStream(stream, from, options);
      if (this.#isClosed && options?.signal?.aborted === false) await this.#wait(options.signal);
      return read;
    });
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Lets those pass that wait, and only these if it is for once. */
  open({ once = false } = {}): void {
    this.#isClosed = once;
    for (const pass of this.#waiters.splice(0)) pass();
  }

  async #wait(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.waiting += 1;
      const pass = () => {
        this.waiting -= 1;
        resolve();
      };
      this.#waiters.push(pass);
      signal.addEventListener('abort', () => resolve());
    });
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
}

function watchingStamps(lookup: LookupStore, stamped: ShardWrite[]): LookupStore {
  return replacing(lookup, 'writeShard', (generation, shard, write) => {
    if ('stamp' in write) stamped.push(write);
    return lookup.writeShard(generation, shard, write);
  });
}
