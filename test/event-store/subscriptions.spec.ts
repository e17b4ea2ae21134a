import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { streamNameFilter } from '@eventstore/db-client';
import { status } from '@grpc/grpc-js';
import { EventStore } from '#event-store/event-store';
import { type Position, type RecordedEvent } from '#event-store/recorded-event';
import { type SubscribeOptions, type SubscriptionState } from '#event-store/subscription';
import { GrpcRelay } from '#testing/grpc-relay';
import { scaled } from '#testing/scale';
import { TcpProxy } from '#testing/tcp-proxy';
import { NodeUnderTest, anEvent, events, until, within } from './node-under-test.ts';
import { randomUUID } from 'node:crypto';

const IMPATIENT = { callMs: 10_000, silenceMs: 1_000, confirmMs: 1_000, backOff: { firstMs: 5, maxMs: 50 } };
const LOST = { code: status.UNAVAILABLE, details: 'the server stops' };

let node: NodeUnderTest;
let relay: GrpcRelay;
let store: EventStore;
/** Not disturbed, and with the patience that large appends need. */
let writer: EventStore;
let prefix: string;

beforeAll(async () => {
  node = await NodeUnderTest.open();
  writer = EventStore.connect(node.url);
});
afterAll(async () => {
  await writer.close();
  await node.close();
});
beforeEach(async () => {
  relay = await GrpcRelay.open(node);
  store = EventStore.connect(relay.url, IMPATIENT);
  prefix = `followed${randomUUID().slice(0, 8)}-`;
});
afterEach(async () => {
  await store.close();
  relay.close();
});

/** A projection as they are here: what it has handled, and its own checkpoint. */
class Follower {
  readonly handled: RecordedEvent[] = [];
  readonly states: SubscriptionState[] = [];
  readonly errors: unknown[] = [];
  checkpoint: Position | undefined;
  onBatch: (batch: RecordedEvent[]) => Promise<void> = () => Promise.resolve();
  readonly #controller = new AbortController();
  readonly done: Promise<void>;

  constructor(from: EventStore, options: Partial<SubscribeOptions> = {}) {
    this.done = from.subscribe({
      prefixes: [prefix],
      after: () => this.checkpoint,
      onBatch: async (batch) => {
        await this.onBatch(batch);
        this.handled.push(...batch);
        this.checkpoint = batch.at(-1)!.position;
      },
      onState: (state, error) => {
        this.states.push(state);
        if (error !== undefined) this.errors.push(error);
      },
      signal: this.#controller.signal,
      ...options,
    });
  }

  get ids(): string[] {
    return this.handled.map(({ id }) => id);
  }

  async reaches(state: SubscriptionState): Promise<void> {
    await until(() => this.states.includes(state));
  }

  async stop(): Promise<void> {
    this.#controller.abort();
    await this.done;
  }
}

async function write(stream: string, count: number, size = 0): Promise<string[]> {
  const written = events(count, { text: 'x'.repeat(size) });
  const read = await writer.readStream(stream);
  const revision = read.outcome === 'found' ? read.events.at(-1)!.revision : 'none';
  const result = await writer.append(stream, revision, written);
  if (result.outcome !== 'appended') throw new Error(result.outcome);
  return written.map(({ id }) => id);
}

describe('a subscription', () => {
  it('gives what was there, then what comes, of its own streams and nothing of the system’s', async () => {
    const client = node.rawClient();
    const expected = await write(`${prefix}a`, 3);
    await write(`other${prefix}a`, 3);
    await client.setStreamMetadata(`${prefix}a`, { maxCount: 1_000 });
    expected.push(...(await write(`${prefix}b`, 2)));
    await client.tombstoneStream(`${prefix}b`);

    const follower = new Follower(store);
    await follower.reaches('live');
    expect(follower.ids).toEqual(expected);
    expect(follower.states).toEqual(['connected', 'live']);
    expected.push(...(await write(`${prefix}a`, 2)));
    await until(() => follower.handled.length === expected.length);
    expect(follower.ids).toEqual(expected);
    expect(follower.handled.every(({ stream }) => stream.startsWith(prefix))).toBe(true);
    await follower.stop();
  });

  it('is live only when all that was there is handled', async () => {
    for (const stream of ['a', 'b', 'c', 'd']) await write(`${prefix}${stream}`, 325);
    const follower = new Follower(store);
    const liveAt: number[] = [];
    const release: (() => void)[] = [];
    follower.onBatch = () => new Promise((resolve) => release.push(resolve));
    const watching = until(() => {
      if (follower.states.includes('live')) liveAt.push(follower.handled.length);
      release.shift()?.();
      return liveAt.length > 0;
    });
    await watching;
    expect(liveAt).toEqual([1_300]);
    await follower.stop();
  });

  it('gives the next batch when the last one is handled, and leaves the rest at the server', async () => {
    for (let stream = 0; stream < 8; stream += 1) await write(`${prefix}${stream}`, 400, 2_000);
    const sent = () => relay.replies.get('read') ?? 0;
    const filter = streamNameFilter({ prefixes: [prefix] });

    let begun = 0;
    const eager = node.rawClient(relay.url).subscribeToAll({ filter });
    eager.on('error', () => undefined);
    // What an asynchronous listener does: it begins with each event at once, whatever became of the last.
    eager.on('data', () => (begun += 1));
    await until(() => begun === 3_200);
    await eager.unsubscribe();

    const before = sent();
    const follower = new Follower(store);
    let running = 0;
    let most = 0;
    let release: () => void = () => undefined;
    follower.onBatch = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => (release = resolve));
      running -= 1;
    };
    await until(() => running === 1);
    await quiet(sent);
    expect(sent() - before).toBeLessThan(2_500);
    await until(() => {
      release();
      return follower.handled.length === 3_200;
    });
    expect(most).toBe(1);
    await follower.stop();
  });

  it('handles no batch after its end, though the next one is there', async () => {
    await write(`${prefix}a`, 1_300);
    const follower = new Follower(store);
    const batches: number[] = [];
    let release: (() => void) | undefined;
    follower.onBatch = (batch) => {
      batches.push(batch.length);
      return release ? Promise.resolve() : new Promise((resolve) => (release = resolve));
    };
    await until(() => release !== undefined);
    await quiet(() => relay.replies.get('read') ?? 0);
    const stopped = follower.stop();
    release!();
    await stopped;
    expect(batches).toEqual([follower.handled.length]);
    expect(follower.handled.length).toBeLessThan(1_300);
  });

  it('ends with its call, once the batch at hand is handled', async () => {
    await write(`${prefix}a`, 1);
    const follower = new Follower(store);
    let release: (() => void) | undefined;
    follower.onBatch = () => new Promise((resolve) => (release = resolve));
    await until(() => release !== undefined);
    const stopped = follower.stop();
    expect(await within(100, stopped)).toBe('pending');
    release!();
    await stopped;
    expect(follower.handled).toHaveLength(1);
    await until(() => relay.open('read') === 0);

    // The client's own, left by its reader, goes on at the server.
    const client = node.rawClient(relay.url);
    for await (const _ of client.subscribeToAll({ filter: streamNameFilter({ prefixes: [prefix] }) })) break;
    await write(`${prefix}a`, 1);
    expect(relay.open('read')).toBe(1);
    await client.dispose();
    await until(() => relay.open('read') === 0);
  });
});

describe('the server’s checkpoint messages', () => {
  it('stall the client when their listener throws, and concern ours in nothing', async () => {
    for (let round = 0; round < 3; round += 1) await write(`other${prefix}${round}`, 40);
    const [id] = await write(`${prefix}a`, 1);
    const seen: string[] = [];
    const client = node.rawClient(relay.url);
    let checkpoints = 0;
    client
      .subscribeToAll({
        filter: streamNameFilter({
          prefixes: [prefix],
          checkpointInterval: 1,
          checkpointReached: () => {
            checkpoints += 1;
            return new Promise(() => undefined);
          },
        }),
      })
      .on('data', ({ event }) => seen.push(event!.id))
      .on('error', () => undefined);
    await until(() => checkpoints > 0);

    const follower = new Follower(store);
    await follower.reaches('live');
    expect(follower.ids).toEqual([id]);
    expect(follower.checkpoint).toEqual(follower.handled[0]!.position);
    const [next] = await write(`${prefix}a`, 1);
    await until(() => follower.handled.length === 2);
    expect(follower.ids).toEqual([id, next]);
    expect(seen).not.toContain(next);
    await write(`other${prefix}z`, 100);
    expect(follower.checkpoint).toEqual(follower.handled[1]!.position);
    await follower.stop();
  });
});

describe('a lost subscription', () => {
  it('goes on from the handler’s checkpoint, where the client’s own is over', async () => {
    const expected = await write(`${prefix}a`, 3);
    const client = node.rawClient(relay.url);
    const seen: string[] = [];
    const errors: unknown[] = [];
    client
      .subscribeToAll({ filter: streamNameFilter({ prefixes: [prefix] }) })
      .on('data', ({ event }) => seen.push(event!.id))
      .on('error', (error) => errors.push(error));
    const follower = new Follower(store);
    await follower.reaches('live');
    await until(() => seen.length === 3);
    relay.breakOff('read', LOST);
    expected.push(...(await write(`${prefix}a`, 2)));
    await until(() => follower.handled.length === 5);
    expect(follower.ids).toEqual(expected);
    expect(follower.states).toEqual(
      ['connected', 'live', 'lost', 'connected', 'live'].slice(0, follower.states.length),
    );
    expect(follower.errors).toHaveLength(1);
    expect({ seen: seen.length, errors: errors.length }).toEqual({ seen: 3, errors: 1 });
    await follower.stop();
  });

  it('comes back after the server has restarted', async () => {
    const expected = await write(`${prefix}a`, 2);
    const direct = EventStore.connect(node.url, IMPATIENT);
    const follower = new Follower(direct);
    await follower.reaches('live');
    await node.stop();
    await follower.reaches('lost');
    await node.start();
    const event = anEvent();
    await direct.append(`${prefix}a`, 1n, [event]);
    await until(() => follower.handled.length === 3);
    expect(follower.ids).toEqual([...expected, event.id]);
    await follower.stop();
    await direct.close();
  });

  it('is noticed when it is never confirmed', async () => {
    const expected = await write(`${prefix}a`, 1);
    relay.disturb('read', { withholdReply: true }, 1);
    const follower = new Follower(store);
    await follower.reaches('live');
    expect(follower.ids).toEqual(expected);
    expect(follower.states[0]).toBe('lost');
    await follower.stop();
  });

  it('is taken up again with the same batch when the handler fails', async () => {
    const expected = await write(`${prefix}a`, 4);
    const follower = new Follower(store);
    let failures = 3;
    follower.onBatch = () => (failures-- > 0 ? Promise.reject(new Error('the target is away')) : Promise.resolve());
    await follower.reaches('live');
    expect(follower.ids).toEqual(expected);
    expect(follower.states.filter((state) => state === 'lost')).toHaveLength(3);
    await follower.stop();
  });

  it('is taken up again with the batch that failed, though the next one was there', async () => {
    const expected = await write(`${prefix}a`, 1_300);
    const follower = new Follower(store);
    let fail: ((error: Error) => void) | undefined;
    follower.onBatch = () => (fail ? Promise.resolve() : new Promise((_, reject) => (fail = reject)));
    await until(() => fail !== undefined);
    await quiet(() => relay.replies.get('read') ?? 0);
    fail!(new Error('the target is away'));
    await until(() => follower.handled.length >= expected.length);
    expect(follower.ids).toEqual(expected);
    await follower.stop();
  });

  it('loses and repeats nothing, however often the connection is cut', async () => {
    const proxy = await TcpProxy.open(node);
    const cutOff = EventStore.connect(`esdb://127.0.0.1:${proxy.port}?tls=false`, { ...IMPATIENT, confirmMs: 2_000 });
    const follower = new Follower(cutOff);
    await follower.reaches('live');
    const expected: string[] = [];
    for (let round = 0; round < scaled(200); round += 1) {
      const batch = events(1 + (round % 7));
      await cutOff.append(`${prefix}${round}`, 'none', batch);
      expected.push(...batch.map(({ id }) => id));
      if (Math.random() < 0.5) proxy.cut();
      if (Math.random() < 0.3) await until(() => follower.handled.length === expected.length);
    }
    await until(() => follower.handled.length >= expected.length);
    expect(follower.ids).toEqual(expected);
    await follower.stop();
    await cutOff.close();
    await proxy.close();
  });
});

/** Waits until a number has not changed for a while. */
async function quiet(value: () => number): Promise<void> {
  let [last, still] = [value(), 0];
  await until(() => {
    still = value() === last ? still + 1 : 0;
    last = value();
    return still >= 40;
  });
}
