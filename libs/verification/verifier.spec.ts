import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Verdict } from '#contracts/verification';
import { type LookupReader, LookupUnavailable } from '#key-lookup/lookup-reader';
import { hashNo } from '#testing/given-keys';
import { HandDrivenLookup } from '#testing/hand-driven-lookup';
import { Verifier, type VerifierOptions } from './verifier.ts';

const ann = { userId: 'ann', keyId: 'key', scopes: ['a:read'] };
const hash = hashNo(1);
const FOR_EVER = Number.MAX_SAFE_INTEGER;

describe('a verifier', () => {
  let lookup: HandDrivenLookup;
  const tasks = (...items: unknown[]) => items.map((item) => ({ item, deadlineMs: FOR_EVER }));
  const patient = (options: VerifierOptions = {}) => new Verifier(lookup.reader, { waitMs: 60_000, ...options });

  beforeEach(async () => {
    lookup = await HandDrivenLookup.open({ shards: 2 });
    await lookup.event({ put: hash, entry: ann });
  });

  it('has the rest of a list at once, and what waits when the lookup gets there', async () => {
    const verifier = patient();
    const [now, later, all, bad] = await verifier.verify(
      tasks({ hash }, { hash, minPosition: '3' }, { minPosition: '4' }, {}),
    );
    expect(now).toMatchObject({ valid: true });
    expect(bad).toEqual({ valid: false, code: 'INVALID_REQUEST' });
    expect(later).toBeInstanceOf(Promise);
    expect(all).toBeInstanceOf(Promise);
    expect(verifier.parked).toBe(2);
    await lookup.event({ remove: hash, owner: ann });
    expect(await later).toEqual({ valid: false, code: 'NOT_FOUND', position: '3' });
    expect(verifier.parked).toBe(1);
    await lookup.event();
    expect(await all).toEqual({ valid: false, code: 'NOT_FOUND', position: '4' });
    expect(verifier.parked).toBe(0);
  });

  it('has the rest of a list at once where a shard is late, and parks what is STALE when it answers', async () => {
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const uses: number[] = [];
    const late: LookupReader = {
      lookUp: async (hashes) => {
        const [first, ...others] = await lookup.reader.lookUp(hashes);
        return [first!, ...others.map((other) => answered.then(() => other))];
      },
      shards: () => answered.then(() => lookup.reader.shards()),
      advanced: (signal) => lookup.reader.advanced(signal),
    };
    const verifier = new Verifier(late, { waitMs: 60_000, onUse: (keys) => uses.push(keys.length) });
    const items = [{ hash }, { hash }, { hash, minPosition: '3' }, { minPosition: '2' }, { minPosition: '3' }];
    const [now, ...rest] = await verifier.verify(tasks(...items));
    expect(now).toMatchObject({ valid: true });
    expect(rest.map((verdict) => verdict instanceof Promise)).toEqual([true, true, true, true]);
    expect(uses).toEqual([1]);
    answer();
    expect(await rest[0]).toMatchObject({ valid: true });
    expect(await rest[2]).toMatchObject({ code: 'NOT_FOUND', position: '2' });
    expect(uses).toEqual([1, 1]);
    while (verifier.parked < 2) await answered;
    await lookup.event();
    expect(await Promise.all([rest[1], rest[3]])).toMatchObject([
      { valid: true },
      { code: 'NOT_FOUND', position: '3' },
    ]);
  });

  it('answers what waits where its own shard is there, though another can’t be asked', async () => {
    const others: LookupReader = {
      lookUp: (hashes) => lookup.reader.lookUp(hashes),
      shards: () => Promise.reject(new LookupUnavailable('a master is away')),
      advanced: (signal) => lookup.reader.advanced(signal),
    };
    const [later] = await new Verifier(others, { waitMs: 60_000 }).verify(tasks({ hash, minPosition: '3' }));
    await lookup.event();
    expect(await later).toMatchObject({ valid: true, position: '3' });
  });

  it('waits again after all that waited was answered', async () => {
    const verifier = patient();
    for (let round = 0; round < 3; round++) {
      const [later] = await verifier.verify(tasks({ hash, minPosition: String(lookup.position + 1n) }));
      await lookup.event();
      expect(await later).toMatchObject({ valid: true, position: String(lookup.position) });
    }
  });

  it('misses no advance between the first look and the wait', async () => {
    const verifier = patient();
    const verifying = verifier.verify(tasks({ hash, minPosition: '3' }));
    await lookup.event();
    const [later] = await verifying;
    expect(await later).toMatchObject({ valid: true, position: '3' });
  });

  it('answers STALE once the wait is over, with the position that it is at', async () => {
    const [later] = await new Verifier(lookup.reader, { waitMs: 20 }).verify(tasks({ hash, minPosition: '9' }));
    expect(await later).toEqual({ valid: false, code: 'STALE', position: '2' });
  });

  it('waits no longer than leaves time for the reply to reach the asker', async () => {
    const verifier = patient({ nowMs: () => 1000, replyMs: 100 });
    const item = { hash, minPosition: '9' };
    const [past, soon] = await verifier.verify([
      { item, deadlineMs: 1100 },
      { item, deadlineMs: 1120 },
    ]);
    expect(past).toEqual({ valid: false, code: 'STALE', position: '2' });
    expect(await soon).toEqual({ valid: false, code: 'STALE', position: '2' });
  });

  it('lets wait what asks for a position while the log is out of sight, and answers it after the next proof', async () => {
    const verifier = patient();
    await lookup.doubt();
    const [now, later] = await verifier.verify(tasks({ hash }, { hash, minPosition: '2' }));
    expect(now).toMatchObject({ valid: true });
    expect(later).toBeInstanceOf(Promise);
    await lookup.prove();
    expect(await later).toMatchObject({ valid: true, position: '2' });
  });

  it('lets only so many wait', async () => {
    const verifier = patient({ maxParked: 2 });
    const item = { hash, minPosition: '3' };
    const verdicts = await verifier.verify(tasks(item, item, item, { hash }));
    expect(verdicts.map((verdict) => verdict instanceof Promise)).toEqual([true, true, false, false]);
    expect(verdicts[2]).toMatchObject({ code: 'STALE' });
    await lookup.event();
    expect(await Promise.all(verdicts as Promise<Verdict>[])).toMatchObject([
      { valid: true, position: '3' },
      { valid: true, position: '3' },
      { code: 'STALE' },
      { valid: true },
    ]);
    expect((await verifier.verify(tasks({ hash, minPosition: '4' })))[0]).toBeInstanceOf(Promise);
    verifier.close();
  });

  it('gives up what waits when the lookup is gone', async () => {
    const verifier = patient();
    const [later] = await verifier.verify(tasks({ hash, minPosition: '3' }));
    await lookup.retire();
    expect(await later).toEqual({ valid: false, code: 'UNAVAILABLE' });
  });

  it('parks nothing on a lookup that is not fresh', async () => {
    lookup.nowMs += 30_001;
    expect(await patient().verify(tasks({ hash, minPosition: '3' }))).toEqual([{ valid: false, code: 'UNAVAILABLE' }]);
  });

  it('answers what waits when it is closed, and lets nothing wait any more', async () => {
    const verifier = patient();
    const [later] = await verifier.verify(tasks({ hash, minPosition: '3' }));
    verifier.close();
    expect(await later).toEqual({ valid: false, code: 'STALE', position: '2' });
    expect(await verifier.verify(tasks({ hash, minPosition: '3' }))).toMatchObject([{ code: 'STALE' }]);
  });
});
