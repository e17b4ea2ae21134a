import { afterEach, describe, expect, it } from '@jest/globals';
import { type Verdict } from '#contracts/verification';
import { hashNo } from '#testing/given-keys';
import { keyCreated, keyDeleted, newEvent } from '#testing/key-events';
import { ProjectedLog, until } from './projected-log.ts';

const ann = ['ann', 'key'] as const;
const hash = hashNo(1);
const UNAVAILABLE: Verdict = { valid: false, code: 'UNAVAILABLE' };

describe('a projector whose store', () => {
  let log: ProjectedLog;
  afterEach(() => log.close());

  it('goes away makes the lookup unavailable, and follows again by itself when it is back', async () => {
    log = await ProjectedLog.open({ maxStalenessMs: 500 });
    await log.append(keyCreated(ann, hash));
    const faults: string[] = [];
    const { projector } = log.project(
      {},
      { onFault: () => faults.push('fault'), onRecovery: () => faults.push('recovery') },
    );
    await log.untilVerdict(hash, { valid: true });
    await log.stopStore();
    await log.untilVerdict(hash, UNAVAILABLE);
    await log.startStore();
    const position = await log.append(keyDeleted(ann, hash));
    await log.untilVerdict(hash, { code: 'NOT_FOUND' });
    expect(projector.status.position).toBeGreaterThanOrEqual(position);
    await until(() => faults.length === 2);
    expect(faults).toEqual(['fault', 'recovery']);
    expect(projector.status.rebuilds).toBe(0);
  });

  it('is not there yet waits for it', async () => {
    log = await ProjectedLog.open({ callMs: 1000 });
    await log.append(keyCreated(ann, hash));
    await log.stopStore();
    const { projector } = log.project();
    await until(() => projector.status.faults > 0);
    expect(await log.verify({ hash })).toEqual(UNAVAILABLE);
    await log.startStore();
    await log.untilVerdict(hash, { valid: true });
  });

  it('is restored from an older copy forgets what the copy does not hold', async () => {
    log = await ProjectedLog.open();
    await log.append(keyCreated(ann, hash));
    const { projector } = log.project();
    await log.untilVerdict(hash, { valid: true });
    await log.stopStore();
    const backup = await log.copyData();
    await log.startStore();
    const lost = hashNo(2);
    await log.append(keyCreated(['ann', 'lost'], lost));
    await log.untilVerdict(lost, { valid: true });
    const generation = await log.lookup.live();

    await log.stopStore();
    await log.startStore(backup);
    await log.untilVerdict(lost, { code: 'NOT_FOUND' });
    expect(await log.verify({ hash })).toMatchObject({ valid: true });
    expect(projector.status.rebuilds).toBe(1);
    expect(await log.lookup.generations()).not.toContain(generation);
    await until(() => projector.status.caughtUp);
  });

  it('was exchanged while no projector ran, even for a longer log, is built from that', async () => {
    log = await ProjectedLog.open();
    await log.append(keyCreated(ann, hash));
    const { projector, stop } = log.project();
    await log.untilVerdict(hash, { valid: true });
    const first = (await log.store.readHead())!.commit;
    await stop();

    await log.stopStore();
    await log.startStore(await log.emptyFolder());
    log.forgetRevisions();
    await log.appendTo(
      'other-stream',
      Array.from({ length: 40 }, () => newEvent(keyCreated(ann, hash))),
    );
    await log.append(keyCreated(['bob', 'key'], hashNo(3)));
    expect((await log.store.readHead())!.commit).toBeGreaterThan(first);
    log.project();
    await log.untilVerdict(hashNo(3), { valid: true });
    expect(await log.verify({ hash })).toMatchObject({ code: 'NOT_FOUND' });
    expect(projector.status.rebuilds).toBe(0);
  });

  it.each([
    { other: 'shorter', events: 0 },
    { other: 'longer', events: 40 },
  ])('is exchanged under its feet, by a $other log, is built from that', async ({ events }) => {
    log = await ProjectedLog.open();
    const own = log.dataDir;
    await log.stopStore();
    const other = await log.emptyFolder();
    await log.startStore(other);
    for (let n = 0; n < events; n++) await log.appendTo(`other-${n}`, [newEvent(keyCreated(ann, hash))]);
    await log.append(keyCreated(['bob', 'key'], hashNo(3)));
    const otherHead = (await log.store.readHead())!.commit;
    await log.stopStore();

    await log.startStore(own);
    await log.append(keyCreated(ann, hash));
    const { projector } = log.project();
    await log.untilVerdict(hash, { valid: true });
    expect(otherHead > projector.status.position!).toBe(events > 0);
    await log.stopStore();
    await log.startStore(other);
    await log.untilVerdict(hashNo(3), { valid: true });
    await log.untilVerdict(hash, { code: 'NOT_FOUND' });
    expect(projector.status.rebuilds).toBeGreaterThan(0);
  });
});
