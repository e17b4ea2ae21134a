import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { GenerationWriter } from '#key-lookup/generation-writer';
import { MemoryLastUse } from '#key-lookup/last-use';
import { type LookupStore } from '#key-lookup/lookup-store';
import { MemoryKeyLookup } from '#key-lookup/memory-key-lookup';
import { type Projector } from '#projector/projector';
import { projectEvents } from '#projector/project-events';
import { hashNo } from '#testing/given-keys';
import { keyCreated, keyDeleted, keyRolled, newEvent, recorded, scopesChanged } from '#testing/key-events';
import { scaled } from '#testing/scale';
import { ProjectedLog, replacing, until } from './projected-log.ts';

const ann = ['ann', 'key'] as const;
const bob = ['bob', 'key'] as const;
const hash = hashNo(1);

describe('a projector', () => {
  let log: ProjectedLog;
  const caughtUp = (projector: Projector) => until(() => projector.status.caughtUp);
  const others = (count: number) =>
    Array.from({ length: count }, () => ({ ...newEvent(keyCreated(ann, hash)), type: 'SomethingElse' }));

  beforeEach(async () => {
    log = await ProjectedLog.open();
  });
  afterEach(() => log.close());

  it('ends the last use of a key with the key, not with a roll or with its user’s other keys', async () => {
    const lastUse = new MemoryLastUse();
    const [key, other] = [ann, ['ann', 'other'] as const].map(([userId, keyId]) => ({ userId, keyId }));
    lastUse.note([key!, other!], 5000);
    await log.append(keyCreated(ann, hash), keyCreated(['ann', 'other'], hashNo(2)));
    await log.append(keyRolled(['ann', 'other'], hashNo(2), hashNo(3)), keyDeleted(ann, hash));
    log.project({ lastUse });
    await log.untilVerdict(hashNo(3), { valid: true });
    expect(await lastUse.read([key!, other!])).toEqual([undefined, 5000]);
  });

  it('reads through what is there, goes live, and follows what comes', async () => {
    const events = Array.from({ length: 100 }, (_, n) => keyCreated([`user ${n % 40}`, `key ${n}`], hashNo(n)));
    for (const event of events) await log.append(event);
    const { projector } = log.project();
    await caughtUp(projector);
    expect(await log.verify({ hash: hashNo(99) })).toMatchObject({ valid: true, keyId: 'key 99' });
    expect(await log.digest()).toBe(await digestOf(events));
    const deleted = keyDeleted(['user 19', 'key 99'], hashNo(99));
    const position = await log.append(deleted);
    await until(() => projector.status.position === position);
    expect(await log.verify({ hash: hashNo(99), minPosition: String(position) })).toMatchObject({ code: 'NOT_FOUND' });
    expect(await log.digest()).toBe(await digestOf([...events, deleted]));
    expect(projector.status).toMatchObject({ events: 101, skippedUnknown: 0, refused: 0, faults: 0, rebuilds: 0 });
  });

  it('is ready at once on an empty log', async () => {
    const { projector } = log.project({ proofIntervalMs: 60_000 });
    await caughtUp(projector);
    expect(await log.verify({ hash })).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('proves that it is at the head when the newest events are not ours', async () => {
    const { projector } = log.project();
    await caughtUp(projector);
    const position = await log.appendTo('other-stream', others(50));
    await until(() => projector.status.position === position);
    expect(await log.verify({ minPosition: String(position) })).toMatchObject({ code: 'NOT_FOUND' });
    const { proofs } = projector.status;
    await until(() => projector.status.proofs > proofs + 2);
  });

  it('moves a checkpoint by delivered events and head proofs only', async () => {
    const moves: { commit: bigint; proved: boolean }[] = [];
    const watched = watching(log.lookup, (commit, proved) => moves.push({ commit, proved }));
    let proofs = 0;
    const provesOnce = replacing(log.store, 'readHead', () =>
      proofs++ === 0 ? log.store.readHead() : Promise.reject(new Error('no more proofs')),
    );
    const { projector } = log.project({ lookup: watched, eventStore: provesOnce });
    await caughtUp(projector);
    // The server's own checkpoint messages lie somewhere between these.
    const own: bigint[] = [];
    for (let round = 0; round < 3; round++) {
      await log.appendTo('other-stream', others(50));
      own.push(await log.append(keyCreated([`user ${round}`, 'key'], hashNo(round))));
    }
    await until(() => projector.status.position === own.at(-1));
    const proved = new Set(moves.filter((move) => move.proved).map(({ commit }) => commit));
    expect(proved.size).toBe(1);
    const delivered = new Set(moves.map(({ commit }) => commit));
    expect([...delivered].filter((commit) => !proved.has(commit))).toEqual(own);
  });

  it('skips and counts what it can’t understand, and goes on', async () => {
    await log.append(keyCreated(ann, hash));
    await log.appendTo('userKeys-bob', [{ ...newEvent(keyCreated(bob, hashNo(2))), type: 'KeyPainted' }]);
    await log.appendTo('userKeys-eve', [newEvent(keyDeleted(ann, hash))]);
    await log.append(keyCreated(['zoe', 'key'], hash));
    const { projector } = log.project();
    await caughtUp(projector);
    await log.append(keyCreated(['zoe', 'other'], hashNo(3)));
    await log.untilVerdict(hashNo(3), { valid: true });
    expect(await log.verify({ hash })).toMatchObject({ valid: true, userId: 'ann' });
    expect(projector.status).toMatchObject({ skippedUnknown: 2, refused: 1 });
  });

  it('tells of the first event of each kind that it skips', async () => {
    const told: unknown[] = [];
    const painted = () => ({ ...newEvent(keyCreated(bob, hash)), type: 'KeyPainted' });
    const newer = { ...newEvent(keyCreated(bob, hash)), metadata: { schemaVersion: 99 } };
    const position = await log.appendTo('userKeys-bob', [painted()]);
    await log.appendTo('userKeys-bob', [painted(), newer, painted()]);
    const { projector } = log.project({}, { onSkipped: (event) => told.push(event) });
    await caughtUp(projector);
    expect(projector.status.skippedUnknown).toBe(4);
    expect(told).toEqual([
      { stream: 'userKeys-bob', type: 'KeyPainted', reason: 'type', position },
      expect.objectContaining({ type: 'KeyCreated', reason: 'version' }),
    ]);
  });

  it('is one of several that may run at once', async () => {
    const events = Array.from({ length: 80 }, (_, n) => keyCreated([`user ${n % 30}`, `key ${n}`], hashNo(n)));
    for (const event of events.slice(0, 40)) await log.append(event);
    const [one, other] = [log.project().projector, log.project().projector];
    for (const event of events.slice(40)) await log.append(event);
    await log.append(scopesChanged(['user 0', 'key 0'], hashNo(0), ['*']));
    await Promise.all([caughtUp(one), caughtUp(other)]);
    const head = (await log.store.readHead())!.commit;
    await until(() => one.status.position === head && other.status.position === head);
    expect(await log.digest()).toBe(await digestOf([...events, scopesChanged(['user 0', 'key 0'], hashNo(0), ['*'])]));
    await until(async () => (await log.lookup.generations()).length === 1);
    expect(one.status.refused + other.status.refused).toBe(0);
  });

  it('takes over where another has stopped', async () => {
    await log.append(keyCreated(ann, hash));
    const first = log.project();
    await caughtUp(first.projector);
    await first.stop();
    const generation = await log.lookup.live();
    await log.append(keyDeleted(ann, hash), keyCreated(['ann', 'new'], hashNo(2)));
    const second = log.project();
    await caughtUp(second.projector);
    await log.untilVerdict(hashNo(2), { valid: true });
    expect(await log.verify({ hash })).toMatchObject({ code: 'NOT_FOUND' });
    expect(await log.lookup.live()).toBe(generation);
    expect(second.projector.status.events).toBe(2);
  });

  it('builds the lookup anew when it is lost', async () => {
    await log.append(keyCreated(ann, hash));
    const { projector } = log.project();
    await caughtUp(projector);
    await log.lookup.dropGeneration((await log.lookup.live())!);
    expect(await log.verify({ hash })).toEqual({ valid: false, code: 'UNAVAILABLE' });
    await log.untilVerdict(hash, { valid: true });
    expect(projector.status.rebuilds).toBe(1);
  });

  it('stops at once when it is told to', async () => {
    const running = log.project({ proofIntervalMs: 60_000 });
    await caughtUp(running.projector);
    await running.stop();
    const early = log.project();
    await early.stop();
  });

  it.each(['readStream', 'append', 'readHead', 'readEventAt'] as const)(
    'stops without waiting for the end of a call of %s',
    async (name) => {
      if (name === 'readEventAt') await log.append(keyCreated(ann, hash));
      let isCalled = false;
      // All of them take their options last.
      const hanging = (...args: unknown[]) =>
        new Promise<never>((_, reject) => {
          isCalled = true;
          const { signal } = args.at(-1) as { signal?: AbortSignal };
          signal?.addEventListener('abort', () => reject(signal.reason as Error));
        });
      const { stop } = log.project({ eventStore: replacing(log.store, name, hanging) });
      await until(() => isCalled);
      await stop();
    },
  );

  it('is ready when a long log has been read, and not only at the next interval', async () => {
    const users = scaled(100);
    for (let user = 0; user < users; user++) {
      const numbers = Array.from({ length: 100 }, (_, n) => user * 100 + n);
      await log.append(...numbers.map((n) => keyCreated([`user ${user}`, `key ${n}`], hashNo(n))));
    }
    const { projector } = log.project({ proofIntervalMs: 3_600_000 });
    await caughtUp(projector);
    expect(await log.verify({ hash: hashNo(users * 100 - 1) })).toMatchObject({ valid: true });
  });
});

/** What a lookup holds that got these events one by one. */
async function digestOf(events: Parameters<typeof recorded>[0][]): Promise<string> {
  const lookup = new MemoryKeyLookup();
  await lookup.createGeneration('told', { shards: 1, logId: randomUUID() });
  const writer = await GenerationWriter.open(lookup, 'told');
  for (const [n, event] of events.entries()) {
    const after = n === 0 ? undefined : recorded(event, n - 1).position;
    const { position } = recorded(event, n);
    await writer.apply({ after, upTo: position, events: projectEvents([recorded(event, n)]).events });
  }
  return lookup.digest('told');
}

function watching(lookup: LookupStore, onMove: (commit: bigint, proved: boolean) => void): LookupStore {
  return replacing(lookup, 'writeShard', (generation, shard, write) => {
    if (write.checkpoint !== undefined) onMove(write.checkpoint.commit, 'stamp' in write);
    return lookup.writeShard(generation, shard, write);
  });
}
