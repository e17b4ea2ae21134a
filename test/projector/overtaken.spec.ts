import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type KeyChangeRecord, keyChangeRecord } from '#contracts/key-changes';
import { GenerationWriter } from '#key-lookup/generation-writer';
import { KeyChangeFeed } from '#projector/key-change-feed';
import { hashNo } from '#testing/given-keys';
import { keyCreated, newEvent } from '#testing/key-events';
import { ProjectedLog, until } from './projected-log.ts';

describe('a projector that was overtaken by another', () => {
  let log: ProjectedLog;
  let records: KeyChangeRecord[];
  let feed: KeyChangeFeed;

  beforeEach(async () => {
    log = await ProjectedLog.open();
    records = [];
    feed = new KeyChangeFeed({
      append: (texts) => {
        records.push(...texts.map((text) => keyChangeRecord.parse(JSON.parse(text))));
        return Promise.resolve();
      },
    });
  });
  afterEach(async () => {
    await log.close();
    await feed.close();
  });

  const flushes = () => records.filter(({ type }) => type === 'flush').length;

  /** @param isOvertaken whether another moves the checkpoint on, by a stretch that this one is never asked to tell */
  async function follow(isOvertaken: boolean): Promise<void> {
    // One proof, at the start: what comes later comes by the subscription alone.
    const { projector } = log.project({ shards: 1, proofIntervalMs: 3_600_000, feed });
    await until(() => projector.status.caughtUp && records.some(({ type }) => type === 'heartbeat'));
    expect(flushes()).toBe(1);
    await log.appendTo('elsewhere', [{ ...newEvent(keyCreated(['ann', 'key'], hashNo(1))), type: 'SomethingElse' }]);
    const other = await GenerationWriter.open(log.lookup, (await log.lookup.live())!);
    const { commit, prepare, eventId } = (await log.store.readHead())!;
    if (isOvertaken) await other.apply({ after: other.resumeAfter, upTo: { commit, prepare, eventId }, events: [] });
    const position = await log.append(keyCreated(['ann', 'key'], hashNo(1)));
    await until(() => records.some((record) => record.position === String(position)));
  }

  it('flushes the caches: what the other applied may never have been told', async () => {
    await follow(true);
    await until(() => flushes() === 2);
  });

  it('tells no more than the change where nobody else wrote', async () => {
    await follow(false);
    expect(records.at(-1)).toMatchObject({ type: 'changed', hashes: [hashNo(1)] });
    expect(flushes()).toBe(1);
  });
});
