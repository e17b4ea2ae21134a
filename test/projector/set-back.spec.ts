import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Verdict } from '#contracts/verification';
import { hashNo } from '#testing/given-keys';
import { keyCreated, keyDeleted, newEvent } from '#testing/key-events';
import { ProjectedLog, replacing, until } from './projected-log.ts';

const ann = ['ann', 'key'] as const;
const hash = hashNo(1);

describe('a lookup that loses a write that it acknowledged, as a replica that takes over does', () => {
  let log: ProjectedLog;

  beforeEach(async () => {
    log = await ProjectedLog.open();
  });
  afterEach(() => log.close());

  it('gets it again, though a proof that began before it ends after it', async () => {
    let isLosing = false;
    const lookup = replacing(log.lookup, 'writeShard', (generation, shard, write) => {
      if (!isLosing || write.changes.length === 0) return log.lookup.writeShard(generation, shard, write);
      isLosing = false;
      return Promise.resolve({ outcome: 'written', refused: 0 } as const);
    });
    let beforeHead = () => Promise.resolve();
    const eventStore = replacing(log.store, 'readHead', async (options) => {
      await beforeHead();
      return log.store.readHead(options);
    });
    await log.append(keyCreated(ann, hash));
    const { projector } = log.project({ shards: 1, lookup, eventStore });
    await log.untilVerdict(hash, { valid: true });

    let goOn: () => void = () => undefined;
    await new Promise<void>((isHeld) => {
      beforeHead = () => {
        beforeHead = () => Promise.resolve();
        isHeld();
        return new Promise((resolve) => (goOn = resolve));
      };
    });
    isLosing = true;
    const deletedAt = await log.append(keyDeleted(ann, hash));
    await until(() => projector.status.position === deletedAt);
    const end = await log.appendTo('elsewhere', [{ ...newEvent(keyCreated(ann, hash)), type: 'SomethingElse' }]);
    goOn();

    let verdict: Verdict | undefined;
    await until(async () => {
      verdict = await log.verify({ hash, minPosition: String(end) });
      return verdict.valid || verdict.code === 'NOT_FOUND';
    });
    expect(verdict).toMatchObject({ valid: false, code: 'NOT_FOUND' });
  });
});
