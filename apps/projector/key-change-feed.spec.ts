import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type KeyChangeRecord, keyChangeRecord, MAX_CHANGED_HASHES } from '#contracts/key-changes';
import { hashNo } from '#testing/given-keys';
import { KeyChangeFeed, type RecordLog } from './key-change-feed.ts';

/** A log that can be held and broken; `lost` decides whether what was appended by a call that failed is there. */
class HeldLog implements RecordLog {
  readonly records: KeyChangeRecord[] = [];
  isBroken = false;
  isLost = true;
  #open: Promise<void> = Promise.resolve();
  #waiting = new Set<() => void>();

  hold(): () => void {
    const { promise, resolve } = withResolvers();
    this.#open = promise;
    return resolve;
  }

  async append(records: readonly string[]): Promise<void> {
    await this.#open;
    const isBroken = this.isBroken;
    if (!isBroken || !this.isLost) {
      for (const record of records) this.records.push(keyChangeRecord.parse(JSON.parse(record)));
    }
    for (const look of [...this.#waiting]) look();
    if (isBroken) throw new Error('broken');
  }

  async until(isThere: (records: readonly KeyChangeRecord[]) => boolean): Promise<void> {
    while (!isThere(this.records)) {
      await new Promise<void>((resolve) => {
        const look = () => {
          this.#waiting.delete(look);
          resolve();
        };
        this.#waiting.add(look);
      });
    }
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: (() => void) | undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve: () => resolve?.() };
}

const put = (nth: number) => ({ put: hashNo(nth), entry: { userId: 'ann', keyId: 'key', scopes: [] } });
const event = (position: number, ...hashes: number[]) => ({ position: BigInt(position), changes: hashes.map(put) });
const isChained = (records: readonly KeyChangeRecord[]) =>
  records.every((record, nth) => record.type === 'flush' || record.prev === records[nth - 1]?.position);

describe('the feed of key changes', () => {
  let log: HeldLog;
  let feed: KeyChangeFeed;
  let nowMs: number;
  let faults: number;
  const heartbeats = () => log.records.filter(({ type }) => type === 'heartbeat').length;
  const untilHeartbeat = () => log.until((records) => records.at(-1)?.type === 'heartbeat');

  beforeEach(() => {
    nowMs = 0;
    faults = 0;
    log = new HeldLog();
    feed = new KeyChangeFeed(log, { monotonicMs: () => nowMs, onFault: () => (faults += 1) });
  });

  afterEach(() => feed.close());

  it('begins with a flush that names the log, whoever wrote before', async () => {
    feed.begin('log', 7n);
    feed.proved(9n, 0);
    await untilHeartbeat();
    expect(log.records).toMatchObject([
      { type: 'flush', logId: 'log', position: '7' },
      { type: 'heartbeat', position: '9', prev: '7' },
    ]);
  });

  it('tells every hash that an event touched, in the order of the log, each record chained to the one before', async () => {
    feed.begin('log', undefined);
    feed.applied([event(3, 1, 2), event(5, 3)]);
    feed.proved(5n, 0);
    await untilHeartbeat();
    feed.applied([event(8, 1)]);
    feed.proved(9n, 0);
    await log.until((records) => records.at(-1)?.position === '9');
    const told = log.records.flatMap((record) => (record.type === 'changed' ? record.hashes : []));
    expect(told).toEqual([1, 2, 3, 1].map(hashNo));
    expect(isChained(log.records)).toBe(true);
  });

  it('gives every record of changes a later position than the one before, so that none can be missed unnoticed', async () => {
    feed.begin('log', 0n);
    feed.applied(Array.from({ length: 1200 }, (_, nth) => event(nth + 1, nth)));
    feed.proved(1200n, 0);
    await untilHeartbeat();
    const changed = log.records.filter((record) => record.type === 'changed');
    expect(changed.flatMap(({ hashes }) => hashes)).toHaveLength(1200);
    expect(changed.every(({ hashes }) => hashes.length <= MAX_CHANGED_HASHES)).toBe(true);
    expect(changed.every(({ position, prev }) => BigInt(position) > BigInt(prev))).toBe(true);
  });

  it.each([
    ['was not written', true],
    ['was written all the same', false],
  ])('flushes after a record that %s and of which it does not know', async (_, isLost) => {
    feed.begin('log', 0n);
    feed.proved(0n, 0);
    await untilHeartbeat();
    log.isBroken = true;
    log.isLost = isLost;
    feed.applied([event(4, 1)]);
    const before = log.records.length;
    while (faults === 0) await new Promise((resolve) => setImmediate(resolve));
    log.isBroken = false;
    feed.proved(4n, nowMs);
    await log.until((records) => records.length > before + 1 && records.at(-1)?.type === 'heartbeat');
    const flush = log.records.findLastIndex(({ type }) => type === 'flush');
    expect(flush).toBeGreaterThanOrEqual(before);
    expect(isChained(log.records.slice(flush))).toBe(true);
  });

  it('lets no heartbeat overtake a change', async () => {
    const release = log.hold();
    feed.begin('log', 0n);
    feed.applied([event(4, 1)]);
    feed.proved(4n, 0);
    feed.applied([event(6, 2)]);
    feed.proved(6n, 0);
    release();
    await log.until((records) => records.at(-1)?.position === '6' && heartbeats() > 0);
    for (const [nth, { type, position }] of log.records.entries()) {
      if (type !== 'heartbeat') continue;
      const later = log.records.slice(nth).filter((record) => record.type === 'changed');
      expect(later.every((record) => BigInt(record.position) > BigInt(position))).toBe(true);
    }
  });

  it('does not tell a proof that waited too long, which would make old answers pass for fresh ones', async () => {
    const release = log.hold();
    feed.begin('log', 0n);
    feed.proved(5n, 0);
    nowMs = 1001;
    release();
    feed.applied([event(7, 1)]);
    await log.until((records) => records.some(({ type }) => type === 'changed'));
    expect(heartbeats()).toBe(0);
  });

  it('flushes when the lookup is set back and mended, since a chain can’t go back', async () => {
    feed.begin('log', 0n);
    feed.applied([event(4, 1), event(6, 2)]);
    await log.until((records) => records.at(-1)?.position === '6');
    feed.applied([event(4, 1), event(6, 2), event(8, 3)]);
    feed.proved(8n, 0);
    await untilHeartbeat();
    const flush = log.records.findLastIndex(({ type }) => type === 'flush');
    expect(flush).toBeGreaterThan(0);
    expect(isChained(log.records.slice(flush))).toBe(true);
    expect(log.records.at(-1)?.position).toBe('8');
  });

  it('flushes instead of holding ever more while its log is away', async () => {
    feed.begin('log', 0n);
    const release = log.hold();
    for (let nth = 1; nth <= 30_000; nth++) feed.applied([event(nth, nth)]);
    release();
    feed.proved(30_000n, 0);
    await untilHeartbeat();
    expect(log.records.filter(({ type }) => type === 'flush').length).toBeGreaterThan(0);
    expect(log.records.flatMap((record) => (record.type === 'changed' ? record.hashes : [])).length).toBeLessThan(
      30_000,
    );
  });
});
