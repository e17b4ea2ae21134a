import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { NO_STREAM } from '@eventstore/db-client';
import statusPb from '@eventstore/db-client/generated/status_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { status } from '@grpc/grpc-js';
import { EventStore } from '#event-store/event-store';
import { EventStoreUnavailable, UnserialisableEvent } from '#event-store/event-store-unavailable';
import { type JsonObject } from '#event-store/recorded-event';
import { GrpcRelay } from '#testing/grpc-relay';
import { TcpProxy } from '#testing/tcp-proxy';
import { withRawClient } from './child.ts';
import { NodeUnderTest, aStream, anEvent, events, raw, within } from './node-under-test.ts';

const IMPATIENT = { callMs: 10_000, silenceMs: 500, backOff: { firstMs: 5, maxMs: 50 } };
/** The two ways an append goes: small ones share a call, large ones have one each. */
const WAYS = [
  ['a small append', 'batchAppend', {}],
  ['a large append', 'append', { text: 'x'.repeat(100_000) }],
] as const;
const NO_POSITION = (2n ** 64n - 1n).toString();

let node: NodeUnderTest;
let relay: GrpcRelay;
let store: EventStore;
/** Not disturbed, for what a test only prepares. */
let writer: EventStore;

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
});
afterEach(async () => {
  await store.close();
  relay.close();
});

async function stored(stream: string) {
  const read = await store.readStream(stream);
  return read.outcome === 'found' ? read.events : [];
}

describe.each(WAYS)('%s', (_, method, size) => {
  it('stores all its events and answers with the last one’s revision and position', async () => {
    const stream = aStream();
    const three = events(3, size);
    const result = await store.append(stream, 'none', three);

    const read = await stored(stream);
    expect(read.map(({ id, revision, data, metadata }) => ({ id, revision, data, metadata }))).toEqual(
      three.map(({ id, data, metadata }, index) => ({ id, revision: BigInt(index), data, metadata })),
    );
    expect(result).toEqual({ outcome: 'appended', revision: 2n, position: read[2]!.position });
    expect(relay.askedLeader(method)).toEqual([true]);
    expect(relay.calls('append') + relay.calls('batchAppend')).toBe(1);
  });

  it('at a revision that is no longer the last is a conflict that names the last', async () => {
    const stream = aStream();
    await store.append(stream, 'none', events(2));
    expect(await store.append(stream, 'none', [anEvent(size)])).toEqual({ outcome: 'conflict', actual: 1n });
    expect(await store.append(stream, 0n, [anEvent(size)])).toEqual({ outcome: 'conflict', actual: 1n });
    expect(await store.append(aStream(), 4n, [anEvent(size)])).toEqual({ outcome: 'conflict', actual: undefined });
  });

  it('is a conflict also where the connection string would have conflicts reported as results', async () => {
    const stream = aStream();
    await store.append(stream, 'none', events(3));
    const url = `${relay.url}&throwOnAppendFailure=false`;
    // The client reports the next expected revision as 1, whatever it is.
    expect(await node.rawClient(url).appendToStream(stream, raw(anEvent()), { expectedRevision: 0n })).toMatchObject({
      success: false,
      nextExpectedRevision: 1n,
    });
    const lenient = EventStore.connect(url);
    expect(await lenient.append(stream, 0n, [anEvent(size)])).toEqual({ outcome: 'conflict', actual: 2n });
    await lenient.close();
  });

  it('that is repeated by its caller is answered as the first time', async () => {
    const stream = aStream();
    const three = events(3, size);
    const first = await store.append(stream, 'none', three);
    await store.append(stream, 2n, [anEvent()]);
    expect(await store.append(stream, 'none', three)).toEqual(first);
    expect(await stored(stream)).toHaveLength(4);
  });

  it('takes its position from the log when the server recognises it without one', async () => {
    const stream = aStream();
    const two = events(2, size);
    const first = await writer.append(stream, 'none', two);
    relay.disturb(method, { rewriteReply: withoutPosition[method] });
    expect(await store.append(stream, 'none', two)).toEqual(first);
  });

  it('begins a soft-deleted stream anew, and none after a tombstone', async () => {
    const stream = aStream();
    const client = node.rawClient();
    await store.append(stream, 'none', events(2));
    await client.deleteStream(stream);
    expect(await store.readStream(stream)).toEqual({ outcome: 'missing' });
    expect(await store.append(stream, 'none', [anEvent(size)])).toMatchObject({ outcome: 'appended', revision: 2n });
    await client.tombstoneStream(stream);
    expect(await store.append(stream, 'none', [anEvent(size)])).toEqual({ outcome: 'tombstoned' });
    expect(await store.append(stream, 2n, [anEvent(size)])).toEqual({ outcome: 'tombstoned' });
  });
});

describe('an append', () => {
  it('beyond the server’s limits is too large and stores nothing', async () => {
    const stream = aStream();
    const patient = EventStore.connect(relay.url);
    for (const bytes of [1_100_000, 5_000_000]) {
      const large = anEvent({ text: 'x'.repeat(bytes) });
      expect(await patient.append(stream, 'none', [large])).toEqual({ outcome: 'too-large' });
    }
    expect(await store.readStream(stream)).toEqual({ outcome: 'missing' });
    await patient.close();
  });
});

describe('an append that is cut off while it is sent', () => {
  it('stores nothing, so that its repetition stores all of it', async () => {
    const patient = EventStore.connect(node.url);
    for (const cutMs of [25, 50, 100]) {
      const stream = aStream();
      const many = events(1_000);
      const hasty = EventStore.connect(node.url, { callMs: cutMs, silenceMs: cutMs });
      await hasty.readHead({ deadlineMs: Date.now() + 5_000 }).catch(() => undefined);
      await hasty.append(stream, 'none', many).catch(() => undefined);
      await hasty.close();
      expect(await patient.append(stream, 'none', many)).toMatchObject({ outcome: 'appended', revision: 999n });
    }
    await patient.close();
  });
});

describe('what is no JSON', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const refused = { 'a BigInt': { count: 1n }, 'a cycle': cycle, 'what throws': { toJSON: thrower } };

  it.each(Object.entries(refused))('is refused before anything is sent: %s', async (_, data) => {
    const before = relay.calls('append');
    await expect(store.append(aStream(), 'none', [anEvent(data as unknown as JsonObject)])).rejects.toThrow(
      UnserialisableEvent,
    );
    expect(relay.calls('append')).toBe(before);
  });

  it('would, handed to the client, end the process', async () => {
    const { code, stderr } = await withRawClient(
      node.url,
      `await client.appendToStream('${aStream()}', event({ count: 1n })).catch(() => process.exit(0));`,
      10_000,
    );
    expect({ code, bigInt: stderr.includes('BigInt') }).toEqual({ code: 1, bigInt: true });
  });

  it('includes ids that are no UUIDs, negative revisions and appends of nothing', async () => {
    await expect(store.append(aStream(), 'none', [{ ...anEvent(), id: 'one' }])).rejects.toThrow(UnserialisableEvent);
    await expect(store.append(aStream(), -1n, [anEvent()])).rejects.toThrow(RangeError);
    await expect(store.append(aStream(), 'none', [])).rejects.toThrow(RangeError);
  });
});

describe.each(WAYS)('%s with an unknown end', (_, method, size) => {
  it('is asked again, with the same ids, until it is answered', async () => {
    relay.disturb('batchAppend', { withholdReply: true });
    const hanging = node.rawClient(relay.url).appendToStream(aStream(), raw(anEvent()), { deadline: 100 });
    expect(await within(1_000, hanging)).toBe('pending');

    relay.heal();
    relay.disturb(method, { withholdReply: true }, 2);
    const stream = aStream();
    const event = anEvent(size);
    expect(await store.append(stream, 'none', [event])).toMatchObject({ outcome: 'appended', revision: 0n });
    expect(relay.calls(method)).toBeGreaterThanOrEqual(3);
    expect((await stored(stream)).map(({ id }) => id)).toEqual([event.id]);
  });

  const codes = [
    status.CANCELLED,
    status.UNKNOWN,
    status.DEADLINE_EXCEEDED,
    status.ABORTED,
    status.INTERNAL,
    status.UNAVAILABLE,
    status.DATA_LOSS,
  ].map((code) => [status[code], code] as const);

  it.each(codes)('is stored once when %s took the place of the reply', async (_, code) => {
    const failure = { code, details: 'the reply is lost' };
    const unsure = aStream();
    relay.disturb('append', { replaceReply: failure }, 1);
    const plain = { expectedRevision: NO_STREAM, credentials: { username: 'any', password: 'any' } } as const;
    // The client reports a failure of what is stored.
    await expect(node.rawClient(relay.url).appendToStream(unsure, raw(anEvent()), plain)).rejects.toBeDefined();
    expect(await stored(unsure)).toHaveLength(1);

    relay.disturb(method, { replaceReply: failure }, 3);
    const stream = aStream();
    const two = events(2, size);
    const result = await store.append(stream, 'none', two);
    const read = await stored(stream);
    expect(read.map(({ id }) => id)).toEqual(two.map(({ id }) => id));
    expect(result).toEqual({ outcome: 'appended', revision: 1n, position: read[1]!.position });
  });

  it('is found in a recreated stream, where the server takes it for a conflict', async () => {
    const stream = aStream();
    await writer.append(stream, 'none', events(3));
    await node.rawClient().deleteStream(stream);
    const event = anEvent(size);
    relay.disturb(method, { replaceReply: { code: status.UNKNOWN, details: 'the reply is lost' } }, 1);
    expect(await store.append(stream, 'none', [event])).toMatchObject({ outcome: 'appended', revision: 3n });
    // The server, asked directly, does not recognise the repetition.
    await expect(
      node.rawClient().appendToStream(stream, raw(event), { expectedRevision: NO_STREAM }),
    ).rejects.toMatchObject({ type: 'wrong-expected-version' });
  });

  it('is a conflict when somebody else’s events took its place', async () => {
    const stream = aStream();
    await writer.append(stream, 'none', [anEvent(size)]);
    relay.disturb(method, { answer: { code: status.UNAVAILABLE, details: 'not now' } }, 1);
    expect(await store.append(stream, 'none', [anEvent(size)])).toEqual({ outcome: 'conflict', actual: 0n });
  });

  it('goes to the leader that the server names', async () => {
    const leader = await GrpcRelay.open(node);
    const trailers = {
      exception: 'not-leader',
      'leader-endpoint-host': '127.0.0.1',
      'leader-endpoint-port': String(leader.port),
    };
    relay.disturb(method, { answer: { code: status.NOT_FOUND, details: 'not the leader', trailers } });
    expect(await store.append(aStream(), 'none', [anEvent(size)])).toMatchObject({ outcome: 'appended' });
    expect([relay.calls(method), leader.calls(method)]).toEqual([1, 1]);
    leader.close();
  });

  it('is not repeated when the server refuses it, nor begun past its deadline', async () => {
    relay.disturb(method, { answer: { code: status.PERMISSION_DENIED, details: 'no' } });
    await expect(store.append(aStream(), 'none', [anEvent(size)])).rejects.toThrow(EventStoreUnavailable);
    expect(relay.calls(method)).toBe(1);
    relay.heal();
    const deadlineMs = Date.now() - 1;
    await expect(store.append(aStream(), 'none', [anEvent(size)], { deadlineMs })).rejects.toThrow(
      EventStoreUnavailable,
    );
    expect(relay.calls(method)).toBe(1);
  });

  it('is a fault once the deadline has passed', async () => {
    relay.disturb(method, { withholdReply: true });
    const startedMs = performance.now();
    const deadlineMs = Date.now() + 800;
    await expect(store.append(aStream(), 'none', [anEvent(size)], { deadlineMs })).rejects.toThrow(
      EventStoreUnavailable,
    );
    expect(performance.now() - startedMs).toBeLessThan(8_000);
  });
});

describe('the call that small appends share', () => {
  it('is one, and goes on when a single append is not answered', async () => {
    const patient = EventStore.connect(relay.url, { silenceMs: 60_000, callMs: 60_000 });
    const [lost, found, event] = [aStream(), aStream(), anEvent()];
    relay.disturb('batchAppend', { rewriteReply: (reply) => (isFor(reply, lost) ? undefined : reply) }, 1);
    const controller = new AbortController();
    const unanswered = patient.append(lost, 'none', [event], { signal: controller.signal });
    for (let revision = -1n; revision < 4n; revision += 1n) {
      const expected = revision < 0n ? 'none' : revision;
      expect(await patient.append(found, expected, [anEvent()])).toMatchObject({ outcome: 'appended' });
    }
    expect(relay.calls('batchAppend')).toBe(1);
    controller.abort(new Error('enough'));
    await expect(unanswered).rejects.toThrow('enough');
    expect(await store.append(lost, 'none', [event])).toMatchObject({ outcome: 'appended', revision: 0n });
    expect(await stored(lost)).toHaveLength(1);
    await patient.close();
  });

  it('is left by an append that is not answered in time, which is asked again over a new one', async () => {
    const stream = aStream();
    relay.disturb('batchAppend', { rewriteReply: () => undefined }, 1);
    expect(await store.append(stream, 'none', [anEvent()])).toMatchObject({ outcome: 'appended', revision: 0n });
    expect(relay.calls('batchAppend')).toBeGreaterThan(1);
    expect(await stored(stream)).toHaveLength(1);
  });

  it('passes over an answer that nobody waits for, which ends the process of a bare client', async () => {
    relay.disturb('batchAppend', { rewriteReply: forAnother });
    const bare = await withRawClient(relay.url, `await client.appendToStream('${aStream()}', event({}));`, 10_000);
    expect({ code: bare.code, thrown: bare.stderr.includes('is not iterable') }).toEqual({ code: 1, thrown: true });

    relay.disturb('batchAppend', { rewriteReply: forAnother }, 1);
    expect(await store.append(aStream(), 'none', [anEvent()])).toMatchObject({ outcome: 'appended', revision: 0n });
  });

  it('passes over an answer that comes after its caller has left', async () => {
    const proxy = await TcpProxy.open(node);
    const url = `esdb://127.0.0.1:${proxy.port}?tls=false`;
    const [left, waited] = [aStream(), aStream()];
    const behind = EventStore.connect(url);
    await behind.append(aStream(), 'none', [anEvent()]);
    proxy.withholdReplies();
    const controller = new AbortController();
    const given = behind.append(left, 'none', [anEvent()], { signal: controller.signal });
    const ours = behind.append(waited, 'none', [anEvent()]);
    await proxy.withheld(waited);
    controller.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    proxy.deliverReplies();
    expect(await ours).toMatchObject({ outcome: 'appended', revision: 0n });
    expect(await stored(left)).toHaveLength(1);
    await behind.close();
    await proxy.close();
  });

  it.each([
    ['not ready', 0],
    ['Timeout', status.DEADLINE_EXCEEDED],
    ['Unknown', status.UNKNOWN],
  ])('brings an append’s own error, which leaves the others alone and is asked again: %s', async (_, code) => {
    const stream = aStream();
    let failures = 2;
    const fail = (reply: Buffer) => (isFor(reply, stream) && failures-- > 0 ? failedWith(reply, code) : reply);
    relay.disturb('batchAppend', { rewriteReply: fail });
    const others = [aStream(), aStream()].map((other) => store.append(other, 'none', [anEvent()]));
    expect(await store.append(stream, 'none', [anEvent()])).toMatchObject({ outcome: 'appended', revision: 0n });
    expect(await Promise.all(others)).toMatchObject([{ outcome: 'appended' }, { outcome: 'appended' }]);
    expect(failures).toBeLessThan(1);
    expect(await stored(stream)).toHaveLength(1);
  });

  it.each([
    ['AccessDenied', status.PERMISSION_DENIED],
    ['BadRequest', status.INVALID_ARGUMENT],
  ])('brings the refusal of an append, which is not asked again: %s', async (_, code) => {
    let answers = 0;
    const refuse = (reply: Buffer) => {
      answers += 1;
      return failedWith(reply, code);
    };
    relay.disturb('batchAppend', { rewriteReply: refuse });
    await expect(store.append(aStream(), 'none', [anEvent()])).rejects.toThrow(EventStoreUnavailable);
    expect(answers).toBe(1);
  });

  it('takes the appends that were under way along when it breaks, and each is stored once', async () => {
    const streams = Array.from({ length: 50 }, aStream);
    relay.disturb('batchAppend', { replaceReply: { code: status.UNKNOWN, details: 'the call breaks' } }, 3);
    const results = await Promise.all(streams.map((stream) => store.append(stream, 'none', events(2))));
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['appended']));
    for (const stream of streams) expect(await stored(stream)).toHaveLength(2);
  });
});

describe('an append whose caller leaves', () => {
  it('before it is sent is not sent', async () => {
    await store.append(aStream(), 'none', [anEvent()]);
    const controller = new AbortController();
    const stream = aStream();
    const left = store.append(stream, 'none', [anEvent()], { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(left).rejects.toThrow('enough');
    // Behind it in the same call.
    expect(await store.append(aStream(), 'none', [anEvent()])).toMatchObject({ outcome: 'appended' });
    expect(await stored(stream)).toEqual([]);
  });

  it('with an error that the client can’t read ends neither the process nor the call of the others', async () => {
    const bare = await withRawClient(
      relay.url,
      `import { Client } from '@grpc/grpc-js';
      const leave = () => Promise.reject(new DOMException('enough', 'AbortError'));
      await client.execute(Client, 'call', leave).catch(() => undefined);`,
      10_000,
    );
    expect({ code: bare.code, thrown: bare.stderr.includes('TypeError') }).toEqual({ code: 1, thrown: true });

    relay.disturb('batchAppend', { withholdReply: true }, 1);
    const patient = EventStore.connect(relay.url, { silenceMs: 60_000, callMs: 60_000 });
    const controller = new AbortController();
    const left = patient.append(aStream(), 'none', [anEvent()], { signal: controller.signal });
    while (relay.calls('batchAppend') < 1) await new Promise(setImmediate);
    controller.abort();
    await expect(left).rejects.toMatchObject({ name: 'AbortError' });
    await patient.close();
  });
});

describe('an error of the server that the client can’t read', () => {
  const failure = { code: status.NOT_FOUND, details: 'garbled', trailers: { exception: 'wrong-expected-version' } };

  it('ends the process of a bare client', async () => {
    relay.disturb('read', { answer: failure });
    const script = `try { for await (const _ of client.readStream('${aStream()}')); } catch { }`;
    const { code, stderr } = await withRawClient(relay.url, script, 10_000);
    expect({ code, thrown: stderr.includes('TypeError') }).toEqual({ code: 1, thrown: true });
  });

  it('is a fault or an answer like others to ours', async () => {
    relay.disturb('read', { answer: failure }, 1);
    relay.disturb('batchAppend', { answer: failure }, 1);
    const results = await Promise.allSettled([store.readHead(), store.append(aStream(), 'none', [anEvent()])]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'fulfilled']);
  });
});

describe('the client’s shared state', () => {
  it('rejects other clients’ appends when one is disposed of, and not ours', async () => {
    relay.disturb('batchAppend', { withholdReply: true }, 2);
    const other = node.rawClient();
    await other.appendToStream(aStream(), raw(anEvent()));
    const innocent = within(2_000, node.rawClient(relay.url).appendToStream(aStream(), raw(anEvent())));
    const ours = store.append(aStream(), 'none', [anEvent()]);
    while (relay.calls('batchAppend') < 2) await new Promise(setImmediate);
    await other.dispose();
    expect(await innocent).toHaveProperty('error');
    expect(await ours).toMatchObject({ outcome: 'appended' });
  });

  it('remembers for ever that a first question failed, and ours does not ask it', async () => {
    const rawClient = node.rawClient(relay.url);
    relay.disturb('features', { answer: { code: status.UNKNOWN, details: 'starting' } }, 1);
    for (const _ of [1, 2, 3]) {
      await expect(rawClient.appendToStream(aStream(), raw(anEvent()))).rejects.toMatchObject({ code: status.UNKNOWN });
    }
    relay.disturb('features', { withholdReply: true });
    const unasked = node.rawClient(relay.url).appendToStream(aStream(), raw(anEvent()), { deadline: 100 });
    expect(await within(500, unasked)).toBe('pending');
    expect(await store.append(aStream(), 'none', [anEvent()])).toMatchObject({ outcome: 'appended' });
  });
});

describe('a store that is away', () => {
  it('is a fault of the same kind in every call, by its deadline', async () => {
    const proxy = await TcpProxy.open(node);
    proxy.refuse();
    const url = `esdb://127.0.0.1:${proxy.port}?tls=false`;
    const failed = await within(5_000, node.rawClient(url).appendToStream(aStream(), raw(anEvent())));
    expect(failed).toMatchObject({ error: { code: status.UNAVAILABLE } });
    expect((failed as { error: object }).error).not.toHaveProperty('type');

    const away = EventStore.connect(url, IMPATIENT);
    const deadline = () => ({ deadlineMs: Date.now() + 200 });
    await expect(away.append(aStream(), 'none', [anEvent()], deadline())).rejects.toThrow(EventStoreUnavailable);
    await expect(away.readStream(aStream(), 0n, deadline())).rejects.toThrow(EventStoreUnavailable);
    await expect(away.readHead(deadline())).rejects.toThrow(EventStoreUnavailable);
    await expect(everything(away)).rejects.toThrow(EventStoreUnavailable);

    const waiting = away.append(aStream(), 'none', [anEvent()]);
    proxy.accept();
    expect(await waiting).toMatchObject({ outcome: 'appended' });
    await away.close();
    await proxy.close();
  });

  it('is tried over a new connection when the old one swallows everything', async () => {
    const proxy = await TcpProxy.open(node);
    const behind = EventStore.connect(`esdb://127.0.0.1:${proxy.port}?tls=false`, IMPATIENT);
    const stream = aStream();
    await behind.append(stream, 'none', [anEvent()]);
    proxy.freeze();
    expect(await behind.append(stream, 0n, [anEvent()])).toMatchObject({ outcome: 'appended', revision: 1n });
    await behind.close();
    await proxy.close();
  });
});

async function everything(from: EventStore): Promise<number> {
  let count = 0;
  for await (const batch of from.readAll()) count += batch.length;
  return count;
}

function forAnother(reply: Buffer): Buffer {
  const response = streamsPb.BatchAppendResp.deserializeBinary(reply);
  response.getCorrelationId()!.setString(randomUUID());
  return Buffer.from(response.serializeBinary());
}

function failedWith(reply: Buffer, code: number): Buffer {
  const response = streamsPb.BatchAppendResp.deserializeBinary(reply);
  // Of the field for the code alone: what the server has no code for, it leaves at 0.
  response.setError(statusPb.Status.deserializeBinary(Buffer.from(code === 0 ? [] : [0x08, code])));
  return Buffer.from(response.serializeBinary());
}

function isFor(reply: Buffer, stream: string): boolean {
  const response = streamsPb.BatchAppendResp.deserializeBinary(reply);
  return Buffer.from(response.getStreamIdentifier()!.getStreamName_asU8()).toString() === stream;
}

const withoutPosition = {
  append: (reply: Buffer) => {
    const response = streamsPb.AppendResp.deserializeBinary(reply);
    response.getSuccess()?.getPosition()?.setCommitPosition(NO_POSITION).setPreparePosition(NO_POSITION);
    return Buffer.from(response.serializeBinary());
  },
  batchAppend: (reply: Buffer) => {
    const response = streamsPb.BatchAppendResp.deserializeBinary(reply);
    response.getSuccess()?.getPosition()?.setCommitPosition(NO_POSITION).setPreparePosition(NO_POSITION);
    return Buffer.from(response.serializeBinary());
  },
};

function thrower(): never {
  throw new Error('no');
}
