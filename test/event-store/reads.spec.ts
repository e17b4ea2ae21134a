import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { status } from '@grpc/grpc-js';
import { EventStore } from '#event-store/event-store';
import { EventStoreUnavailable } from '#event-store/event-store-unavailable';
import { type Position } from '#event-store/recorded-event';
import { GrpcRelay } from '#testing/grpc-relay';
import { NodeUnderTest, aStream, anEvent, events, raw, until, within } from './node-under-test.ts';

const IMPATIENT = { callMs: 10_000, silenceMs: 1_000, backOff: { firstMs: 5, maxMs: 50 } };
const SENTINEL = (2n ** 64n - 1n).toString();
const LOST = { code: status.UNAVAILABLE, details: 'the connection is lost' };

let node: NodeUnderTest;
let relay: GrpcRelay;
let store: EventStore;
/** Long enough that no buffer between the server and us holds all of it. */
const long = aStream();
const LONG = 2_000;

beforeAll(async () => {
  node = await NodeUnderTest.open();
  const writer = EventStore.connect(node.url);
  for (let revision = -1n; revision < LONG - 1; revision += 500n) {
    await writer.append(long, revision < 0n ? 'none' : revision, events(500, { text: 'x'.repeat(1_500) }));
  }
  await writer.close();
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

describe('a stream', () => {
  it('is read whole, in order and by the leader', async () => {
    const read = await store.readStream(long);
    if (read.outcome !== 'found') throw new Error(read.outcome);
    expect(read.events.map(({ revision }) => revision)).toEqual(Array.from({ length: LONG }, (_, n) => BigInt(n)));
    expect(relay.askedLeader('read')).toEqual([true]);
  });

  it('is read from a revision on, which may lie behind its end', async () => {
    const from = await store.readStream(long, BigInt(LONG - 2));
    expect(from).toMatchObject({ outcome: 'found', events: [{ revision: 1_998n }, { revision: 1_999n }] });
    expect(await store.readStream(long, BigInt(LONG))).toEqual({ outcome: 'found', events: [] });
  });

  it('is missing before its first event and while it is deleted, and tombstoned for ever', async () => {
    const stream = aStream();
    const client = node.rawClient();
    expect(await store.readStream(stream)).toEqual({ outcome: 'missing' });
    await store.append(stream, 'none', [anEvent()]);
    await client.deleteStream(stream);
    expect(await store.readStream(stream)).toEqual({ outcome: 'missing' });
    await client.tombstoneStream(stream);
    expect(await store.readStream(stream)).toEqual({ outcome: 'tombstoned' });
    expect(await store.readStream(stream, 7n)).toEqual({ outcome: 'tombstoned' });
  });

  it('is read again when the connection breaks, and never given in part', async () => {
    relay.disturb('read', { replaceReply: LOST }, 2);
    expect(await store.readStream(long)).toMatchObject({ outcome: 'found', events: { length: LONG } });
    expect(relay.calls('read')).toBe(3);
  });

  it('is not taken for complete when its client is disposed of midway', async () => {
    const client = node.rawClient(relay.url);
    let partial = 0;
    for await (const _ of client.readStream(long)) {
      partial += 1;
      if (partial === 20) void client.dispose();
    }
    expect(partial).toBeLessThan(LONG);

    const reading = store.readStream(long);
    await until(() => (relay.replies.get('read') ?? 0) > partial + 20);
    await store.close();
    await expect(reading).rejects.toThrow(EventStoreUnavailable);
  });

  it('is a fault when no answer comes, within the deadline', async () => {
    relay.disturb('read', { withholdReply: true });
    const hanging = within(1_000, first(node.rawClient(relay.url).readStream(long, { deadline: 100 })));
    expect(await hanging).toBe('pending');
    const startedMs = performance.now();
    const deadlineMs = Date.now() + 400;
    await expect(store.readStream(long, 0n, { deadlineMs })).rejects.toThrow(EventStoreUnavailable);
    expect(performance.now() - startedMs).toBeLessThan(8_000);
    await until(() => relay.open('read') === 1);
  });

  it('is let go when its reader aborts', async () => {
    relay.disturb('read', { withholdReply: true });
    const controller = new AbortController();
    const reading = store.readStream(long, 0n, { signal: controller.signal });
    await until(() => relay.open('read') === 1);
    controller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    await until(() => relay.open('read') === 0);
  });

  it('whose events come without their position is a fault, not a position beyond all others', async () => {
    relay.disturb('read', { rewriteReply: withoutPosition });
    const [event] = await first(node.rawClient(relay.url).readStream(long));
    expect(event?.event?.position?.commit).toBe(BigInt(SENTINEL));
    await expect(store.readStream(long, 0n, { deadlineMs: Date.now() + 200 })).rejects.toThrow(EventStoreUnavailable);
    await expect(collect(store.readAll())).rejects.toThrow(EventStoreUnavailable);
  });
});

describe('the log', () => {
  async function written(count: number): Promise<Position[]> {
    const stream = aStream();
    await store.append(stream, 'none', events(count));
    const read = await store.readStream(stream);
    return read.outcome === 'found' ? read.events.map(({ position }) => position) : [];
  }

  it('has as its head the newest position, whoever’s event that is', async () => {
    const [, last] = await written(2);
    const head = await store.readHead();
    expect(head).toEqual({ ...last, eventId: (await store.readEventAt(last!))!.id });
    await node.rawClient().setStreamMetadata(aStream(), { maxCount: 5 });
    const newer = (await store.readHead())!;
    expect(newer.commit).toBeGreaterThan(last!.commit);
    expect(newer.eventId).not.toBe(head!.eventId);
    expect(await store.readEventAt(newer)).toMatchObject({ id: newer.eventId, type: '$metadata' });
    expect(relay.askedLeader('read')).not.toContain(false);
  });

  it('has at a position the very event of that position, or none', async () => {
    const stream = aStream();
    const [first, second] = [anEvent(), anEvent()];
    await store.append(stream, 'none', [first, second]);
    const read = await store.readStream(stream);
    if (read.outcome !== 'found') throw new Error(read.outcome);
    const stored = read.events;
    expect((await store.readEventAt(stored[0]!.position))?.id).toBe(first.id);
    expect(await store.readEventAt(stored[1]!.position)).toEqual(stored[1]);
    const { commit } = stored[0]!.position;
    const earlier = await store.readEventAt({ commit: commit - 1n, prepare: commit - 1n });
    expect(earlier?.id).not.toBe(first.id);
    const beyond = stored[1]!.position.commit + 1_000_000n;
    expect(await store.readEventAt({ commit: beyond, prepare: beyond })).toBeUndefined();
    expect(relay.askedLeader('read')).not.toContain(false);
  });

  it('is asked for one event until the deadline, or until the caller aborts', async () => {
    const position = (await written(1))[0]!;
    relay.disturb('read', { withholdReply: true });
    const deadlineMs = Date.now() + 200;
    await expect(store.readEventAt(position, { deadlineMs })).rejects.toThrow(EventStoreUnavailable);
    const controller = new AbortController();
    const reading = store.readEventAt(position, { signal: controller.signal });
    await until(() => relay.open('read') === 1);
    controller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    await until(() => relay.open('read') === 0);
  });

  it('is read after one position up to another, without the system’s own events', async () => {
    const [before, ...inside] = await written(3);
    const stream = aStream();
    await node.rawClient().setStreamMetadata(stream, { maxCount: 5 });
    const more = await written(2);
    await node.rawClient().appendToStream(stream, raw(anEvent()));
    await node.rawClient().tombstoneStream(stream);
    const upTo = more[1]!;
    const read = await collect(store.readAll({ after: before!, upTo }));
    expect(read.map(({ position }) => position)).toEqual([...inside, ...more]);
    const rest = await collect(store.readAll({ after: upTo }));
    expect(rest.map(({ stream: name, type }) => [name, type])).toEqual([[stream, 'Happened']]);
    expect(await collect(store.readAll({ after: (await store.readHead())! }))).toEqual([]);
  });

  it('costs nothing more once its reader has stopped, where the client’s own reader goes on for ever', async () => {
    const client = node.rawClient(relay.url);
    for (let round = 0; round < 5; round += 1) {
      for await (const _ of client.readAll()) break;
    }
    expect(relay.open('read')).toBe(5);
    for (let round = 0; round < 5; round += 1) {
      for await (const batch of store.readAll()) if (batch.length > 0) break;
    }
    await until(() => relay.open('read') === 5);
    await client.dispose();
    await until(() => relay.open('read') === 0);
  });

  it('concerns nobody any more when it breaks off behind the back of a reader who has stopped', async () => {
    for (let round = 0; round < 10; round += 1) {
      for await (const batch of store.readAll()) if (batch.length > 0) break;
      relay.breakOff('read', LOST);
    }
    expect(await store.readHead()).toBeDefined();
  });

  it('is a fault when it stalls midway, and stops when its reader aborts', async () => {
    relay.disturb('read', { withholdReply: true });
    await expect(collect(store.readAll())).rejects.toThrow(EventStoreUnavailable);
    const controller = new AbortController();
    const reading = collect(store.readAll({ signal: controller.signal }));
    controller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    await until(() => relay.open('read') === 0);
  });
});

async function collect<T>(batches: AsyncIterable<T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
}

async function first<T>(items: AsyncIterable<T>): Promise<T[]> {
  for await (const item of items) return [item];
  return [];
}

function withoutPosition(reply: Buffer): Buffer {
  const response = streamsPb.ReadResp.deserializeBinary(reply);
  response.getEvent()?.getEvent()?.setCommitPosition(SENTINEL).setPreparePosition(SENTINEL);
  return Buffer.from(response.serializeBinary());
}
