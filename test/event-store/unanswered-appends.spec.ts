import { describe, expect, it } from '@jest/globals';
import { NO_STREAM } from '@eventstore/db-client';
import { status } from '@grpc/grpc-js';
import { EventStore } from '#event-store/event-store';
import { EventStoreUnavailable } from '#event-store/event-store-unavailable';
import { GrpcRelay } from '#testing/grpc-relay';
import { TcpProxy } from '#testing/tcp-proxy';
import { withRawClient } from './child.ts';
import { aStream, anEvent, events, raw, within } from './node-under-test.ts';
import { IMPATIENT, storeBehindRelay, WAYS } from './store-behind-relay.ts';

const given = storeBehindRelay();

describe.each(WAYS)('%s with an unknown end', (_, method, size) => {
  it('is asked again, with the same ids, until it is answered', async () => {
    given.relay.disturb('batchAppend', { withholdReply: true });
    const hanging = given.node.rawClient(given.relay.url).appendToStream(aStream(), raw(anEvent()), { deadline: 100 });
    expect(await within(1_000, hanging)).toBe('pending');

    given.relay.heal();
    given.relay.disturb(method, { withholdReply: true }, 2);
    const stream = aStream();
    const event = anEvent(size);
    expect(await given.store.append(stream, 'none', [event])).toMatchObject({ outcome: 'appended', revision: 0n });
    expect(given.relay.calls(method)).toBeGreaterThanOrEqual(3);
    expect((await given.stored(stream)).map(({ id }) => id)).toEqual([event.id]);
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
    given.relay.disturb('append', { replaceReply: failure }, 1);
    const plain = { expectedRevision: NO_STREAM, credentials: { username: 'any', password: 'any' } } as const;
    // The client reports a failure of what is stored.
    await expect(
      given.node.rawClient(given.relay.url).appendToStream(unsure, raw(anEvent()), plain),
    ).rejects.toBeDefined();
    expect(await given.stored(unsure)).toHaveLength(1);

    given.relay.disturb(method, { replaceReply: failure }, 3);
    const stream = aStream();
    const two = events(2, size);
    const result = await given.store.append(stream, 'none', two);
    const read = await given.stored(stream);
    expect(read.map(({ id }) => id)).toEqual(two.map(({ id }) => id));
    expect(result).toEqual({ outcome: 'appended', revision: 1n, position: read[1]!.position });
  });

  it('is found in a recreated stream, where the server takes it for a conflict', async () => {
    const stream = aStream();
    await given.writer.append(stream, 'none', events(3));
    await given.node.rawClient().deleteStream(stream);
    const event = anEvent(size);
    given.relay.disturb(method, { replaceReply: { code: status.UNKNOWN, details: 'the reply is lost' } }, 1);
    expect(await given.store.append(stream, 'none', [event])).toMatchObject({ outcome: 'appended', revision: 3n });
    // The server, asked directly, does not recognise the repetition.
    await expect(
      given.node.rawClient().appendToStream(stream, raw(event), { expectedRevision: NO_STREAM }),
    ).rejects.toMatchObject({ type: 'wrong-expected-version' });
  });

  it('is a conflict when somebody else’s events took its place', async () => {
    const stream = aStream();
    await given.writer.append(stream, 'none', [anEvent(size)]);
    given.relay.disturb(method, { answer: { code: status.UNAVAILABLE, details: 'not now' } }, 1);
    expect(await given.store.append(stream, 'none', [anEvent(size)])).toEqual({ outcome: 'conflict', actual: 0n });
  });

  it('goes to the leader that the server names', async () => {
    const leader = await GrpcRelay.open(given.node);
    const trailers = {
      exception: 'not-leader',
      'leader-endpoint-host': '127.0.0.1',
      'leader-endpoint-port': String(leader.port),
    };
    given.relay.disturb(method, { answer: { code: status.NOT_FOUND, details: 'not the leader', trailers } });
    expect(await given.store.append(aStream(), 'none', [anEvent(size)])).toMatchObject({ outcome: 'appended' });
    expect([given.relay.calls(method), leader.calls(method)]).toEqual([1, 1]);
    leader.close();
  });

  it('is not repeated when the server refuses it, nor begun past its deadline', async () => {
    given.relay.disturb(method, { answer: { code: status.PERMISSION_DENIED, details: 'no' } });
    await expect(given.store.append(aStream(), 'none', [anEvent(size)])).rejects.toThrow(EventStoreUnavailable);
    expect(given.relay.calls(method)).toBe(1);
    given.relay.heal();
    const deadlineMs = Date.now() - 1;
    await expect(given.store.append(aStream(), 'none', [anEvent(size)], { deadlineMs })).rejects.toThrow(
      EventStoreUnavailable,
    );
    expect(given.relay.calls(method)).toBe(1);
  });

  it('is a fault once the deadline has passed', async () => {
    given.relay.disturb(method, { withholdReply: true });
    const startedMs = performance.now();
    const deadlineMs = Date.now() + 800;
    await expect(given.store.append(aStream(), 'none', [anEvent(size)], { deadlineMs })).rejects.toThrow(
      EventStoreUnavailable,
    );
    expect(performance.now() - startedMs).toBeLessThan(8_000);
  });
});

describe('an append whose caller leaves', () => {
  it('before it is sent is not sent', async () => {
    await given.store.append(aStream(), 'none', [anEvent()]);
    const controller = new AbortController();
    const stream = aStream();
    const left = given.store.append(stream, 'none', [anEvent()], { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(left).rejects.toThrow('enough');
    // Behind it in the same call.
    expect(await given.store.append(aStream(), 'none', [anEvent()])).toMatchObject({ outcome: 'appended' });
    expect(await given.stored(stream)).toEqual([]);
  });

  it('with an error that the client can’t read ends neither the process nor the call of the others', async () => {
    const bare = await withRawClient(
      given.relay.url,
      `import { Client } from '@grpc/grpc-js';
      const leave = () => Promise.reject(new DOMException('enough', 'AbortError'));
      await client.execute(Client, 'call', leave).catch(() => undefined);`,
      10_000,
    );
    expect({ code: bare.code, thrown: bare.stderr.includes('TypeError') }).toEqual({ code: 1, thrown: true });

    given.relay.disturb('batchAppend', { withholdReply: true }, 1);
    const patient = EventStore.connect(given.relay.url, { silenceMs: 60_000, callMs: 60_000 });
    const controller = new AbortController();
    const left = patient.append(aStream(), 'none', [anEvent()], { signal: controller.signal });
    while (given.relay.calls('batchAppend') < 1) await new Promise(setImmediate);
    controller.abort();
    await expect(left).rejects.toMatchObject({ name: 'AbortError' });
    await patient.close();
  });
});

describe('a store that is away', () => {
  it('is a fault of the same kind in every call, by its deadline', async () => {
    const proxy = await TcpProxy.open(given.node);
    proxy.refuse();
    const url = `esdb://127.0.0.1:${proxy.port}?tls=false`;
    const failed = await within(5_000, given.node.rawClient(url).appendToStream(aStream(), raw(anEvent())));
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
    const proxy = await TcpProxy.open(given.node);
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
