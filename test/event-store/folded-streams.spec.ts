import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EventStore } from '#event-store/event-store';
import { FoldedStreams } from '#event-store/folded-streams';
import { type NewEvent } from '#event-store/recorded-event';
import { GrpcRelay } from '#testing/grpc-relay';
import { scaled } from '#testing/scale';
import { NodeUnderTest, aStream, anEvent, events, until } from './node-under-test.ts';

const IMPATIENT = { callMs: 10_000, silenceMs: 2_000, backOff: { firstMs: 5, maxMs: 50 } };

/** The ids of a stream's events: shows exactly what was folded, and in which order. */
const IDS = {
  initial: (): readonly string[] => [],
  evolve: (ids: readonly string[], { id }: { id: string }) => [...ids, id],
};
const COUNT = { initial: () => 0, evolve: (count: number) => count + 1 };

let node: NodeUnderTest;
let relay: GrpcRelay;
let store: EventStore;

beforeAll(async () => {
  node = await NodeUnderTest.open();
});
afterAll(() => node.close());
beforeEach(async () => {
  relay = await GrpcRelay.open(node);
  store = EventStore.connect(relay.url, IMPATIENT);
});
afterEach(async () => {
  await store.close();
  relay.close();
});

async function grow(stream: string, count: number, from: bigint | 'none' = 'none'): Promise<NewEvent[]> {
  const written = events(count);
  let revision = from;
  for (let start = 0; start < count; start += 1_000) {
    const result = await store.append(stream, revision, written.slice(start, start + 1_000));
    if (result.outcome !== 'appended') throw new Error(result.outcome);
    ({ revision } = result);
  }
  return written;
}

function ids(written: readonly NewEvent[]): string[] {
  return written.map(({ id }) => id);
}

/** How many events the server sent meanwhile. */
async function eventsRead(work: () => Promise<unknown>): Promise<number> {
  const before = relay.replies.get('read') ?? 0;
  await work();
  return (relay.replies.get('read') ?? 0) - before;
}

describe('a folded stream', () => {
  it('is the fold of all its events, with what an append and a reply need', async () => {
    const folded = new FoldedStreams(store, IDS, { maxEvents: 100 });
    const stream = aStream();
    expect(await folded.load(stream)).toEqual({ state: [], revision: 'none', position: undefined, tombstoned: false });

    const written = await grow(stream, 3);
    const read = await store.readStream(stream, 2n);
    const position = read.outcome === 'found' ? read.events[0]!.position : undefined;
    const expected = { state: ids(written), revision: 2n, position, tombstoned: false };
    expect(await folded.load(stream)).toEqual(expected);
    expect(await folded.load(stream)).toEqual(expected);

    written.push(...(await grow(stream, 2, 2n)));
    expect(await folded.load(stream)).toMatchObject({ state: ids(written), revision: 4n });
  });

  it('of many events costs no more than one of ten, once it is known', async () => {
    const folded = new FoldedStreams(store, COUNT, { maxEvents: 20_000 });
    const [ten, tenThousand] = [aStream(), aStream()];
    await grow(ten, 10);
    await grow(tenThousand, 10_000);
    await folded.load(tenThousand);
    await folded.load(ten);
    const [readOfTen, readOfMany] = [
      await eventsRead(() => folded.load(ten)),
      await eventsRead(() => folded.load(tenThousand)),
    ];
    // What is read is what it costs: bench/users measures the time.
    expect(readOfMany).toBe(readOfTen);
    expect(readOfTen).toBeLessThanOrEqual(3);
    expect(await folded.load(tenThousand)).toMatchObject({ state: 10_000, revision: 9_999n });
  });

  it('is folded anew when the log has been replaced by an older or another one', async () => {
    const folded = new FoldedStreams(store, IDS, { maxEvents: 100 });
    const stream = aStream();
    await grow(stream, 5);
    await folded.load(stream);

    for (const count of [7, 5, 3]) {
      await node.stop();
      await node.startEmpty();
      await store.readHead();
      const other = await grow(stream, count);
      expect(await folded.load(stream)).toMatchObject({ state: ids(other), revision: BigInt(count - 1) });
    }
    await node.stop();
    await node.startEmpty();
    expect(await folded.load(stream)).toMatchObject({ state: [], revision: 'none' });
  });

  it('follows its stream through deletion, recreation and tombstone', async () => {
    const folded = new FoldedStreams(store, IDS, { maxEvents: 100 });
    const stream = aStream();
    const client = node.rawClient();
    await grow(stream, 3);
    await folded.load(stream);
    await client.deleteStream(stream);
    expect(await folded.load(stream)).toMatchObject({ state: [], revision: 'none', tombstoned: false });
    const again = await grow(stream, 2);
    expect(await folded.load(stream)).toMatchObject({ state: ids(again), revision: 4n });
    await client.tombstoneStream(stream);
    const gone = { state: [], revision: 'none', position: undefined, tombstoned: true };
    expect(await folded.load(stream)).toEqual(gone);
    expect(await folded.load(stream)).toEqual(gone);
  });
});

describe('the memory of folded streams', () => {
  it('holds no more events than it may, and forgets what was used longest ago', async () => {
    const folded = new FoldedStreams(store, COUNT, { maxEvents: 100 });
    const [one, two, three, huge] = [aStream(), aStream(), aStream(), aStream()];
    for (const stream of [one, two, three]) await grow(stream, 40);
    await grow(huge, 101);
    const cost = async (stream: string) => (await eventsRead(() => folded.load(stream))) > 20;

    expect([await cost(one), await cost(two), await cost(one)]).toEqual([true, true, false]);
    expect(await cost(three)).toBe(true);
    expect([await cost(one), await cost(two)]).toEqual([false, true]);
    expect([await cost(huge), await cost(huge)]).toEqual([true, true]);
  });

  it('forgets no more than it must for streams that grow', async () => {
    const folded = new FoldedStreams(store, COUNT, { maxEvents: 100 });
    const [growing, other] = [aStream(), aStream()];
    await grow(other, 30);
    await folded.load(other);
    let revision: bigint | 'none' = 'none';
    for (let round = 0; round < 7; round += 1) {
      await grow(growing, 10, revision);
      ({ revision } = await folded.load(growing));
    }
    expect(await eventsRead(() => folded.load(other))).toBeLessThan(4);
  });
});

describe('loads at the same time', () => {
  it('share one read when they are called in one turn, and none that has started', async () => {
    const folded = new FoldedStreams(store, IDS, { maxEvents: 1_000 });
    const stream = aStream();
    const [first] = await grow(stream, 1);
    const before = relay.calls('read');
    const same = await Promise.all(Array.from({ length: 50 }, () => folded.load(stream)));
    expect(relay.calls('read') - before).toBe(1);
    expect(new Set(same.map(({ revision }) => revision))).toEqual(new Set([0n]));

    relay.disturb('read', { withholdReply: true }, 1);
    const early = folded.load(stream);
    await until(() => relay.calls('read') - before === 2);
    const second = anEvent();
    await store.append(stream, 0n, [second]);
    expect(await folded.load(stream)).toMatchObject({ state: [first!.id, second.id], revision: 1n });
    await early;
    expect(await folded.load(stream)).toMatchObject({ state: [first!.id, second.id], revision: 1n });
  });

  it('each have in them all that was acknowledged before they began', async () => {
    for (let repeat = 0; repeat < scaled(10); repeat += 1) await writeAndLoad();
  });

  /** Three streams that grow while they are loaded, with room for a part of their states. */
  async function writeAndLoad(): Promise<void> {
    const folded = new FoldedStreams(store, IDS, { maxEvents: 60 });
    const streams = [aStream(), aStream(), aStream()];
    const acknowledged = new Map<string, string[]>();
    const check = async (stream: string) => {
      const known = [...(acknowledged.get(stream) ?? [])];
      const { state, revision } = await folded.load(stream);
      expect(state.slice(0, known.length)).toEqual(known);
      expect(revision).toBe(state.length === 0 ? 'none' : BigInt(state.length - 1));
    };
    await Promise.all(
      streams.map(async (stream) => {
        const checks: Promise<void>[] = [];
        for (let round = 0; round < 30; round += 1) {
          const { revision } = await folded.load(stream);
          const written = events(1 + (round % 3));
          await store.append(stream, revision, written);
          acknowledged.set(stream, [...(acknowledged.get(stream) ?? []), ...ids(written)]);
          checks.push(...streams.map(check), check(stream));
        }
        await Promise.all(checks);
      }),
    );
  }
});
