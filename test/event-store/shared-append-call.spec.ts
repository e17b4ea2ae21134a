import { describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { EventStore } from '#event-store/event-store';
import { EventStoreUnavailable } from '#event-store/event-store-unavailable';
import { TcpProxy } from '#testing/tcp-proxy';
import { withRawClient } from './child.ts';
import { forAnother, failedWith, isFor } from './append-replies.ts';
import { aStream, anEvent, events, raw, within } from './node-under-test.ts';
import { storeBehindRelay } from './store-behind-relay.ts';

const given = storeBehindRelay();

describe('the call that small appends share', () => {
  it('is one, and goes on when a single append is not answered', async () => {
    const patient = EventStore.connect(given.relay.url, { silenceMs: 60_000, callMs: 60_000 });
    const [lost, found, event] = [aStream(), aStream(), anEvent()];
    given.relay.disturb('batchAppend', { rewriteReply: (reply) => (isFor(reply, lost) ? undefined : reply) }, 1);
    const controller = new AbortController();
    const unanswered = patient.append(lost, 'none', [event], { signal: controller.signal });
    for (let revision = -1n; revision < 4n; revision += 1n) {
      const expected = revision < 0n ? 'none' : revision;
      expect(await patient.append(found, expected, [anEvent()])).toMatchObject({ outcome: 'appended' });
    }
    expect(given.relay.calls('batchAppend')).toBe(1);
    controller.abort(new Error('enough'));
    await expect(unanswered).rejects.toThrow('enough');
    expect(await given.store.append(lost, 'none', [event])).toMatchObject({ outcome: 'appended', revision: 0n });
    expect(await given.stored(lost)).toHaveLength(1);
    await patient.close();
  });

  it('is left by an append that is not answered in time, which is asked again over a new one', async () => {
    const stream = aStream();
    given.relay.disturb('batchAppend', { rewriteReply: () => undefined }, 1);
    expect(await given.store.append(stream, 'none', [anEvent()])).toMatchObject({ outcome: 'appended', revision: 0n });
    expect(given.relay.calls('batchAppend')).toBeGreaterThan(1);
    expect(await given.stored(stream)).toHaveLength(1);
  });

  it('passes over an answer that nobody waits for, which ends the process of a bare client', async () => {
    given.relay.disturb('batchAppend', { rewriteReply: forAnother });
    const bare = await withRawClient(
      given.relay.url,
      `await client.appendToStream('${aStream()}', event({}));`,
      10_000,
    );
    expect({ code: bare.code, thrown: bare.stderr.includes('is not iterable') }).toEqual({ code: 1, thrown: true });

    given.relay.disturb('batchAppend', { rewriteReply: forAnother }, 1);
    expect(await given.store.append(aStream(), 'none', [anEvent()])).toMatchObject({
      outcome: 'appended',
      revision: 0n,
    });
  });

  it('passes over an answer that comes after its caller has left', async () => {
    const proxy = await TcpProxy.open(given.node);
    const url = `esdb://127.0.0.1:${proxy.port}?tls=false`;
    const [left, waited] = [aStream(), aStream()];
    const behind = EventStore.connect(url);
    await behind.append(aStream(), 'none', [anEvent()]);
    proxy.withholdReplies();
    const controller = new AbortController();
    const abandoned = behind.append(left, 'none', [anEvent()], { signal: controller.signal });
    const ours = behind.append(waited, 'none', [anEvent()]);
    await proxy.withheld(waited);
    controller.abort(new Error('enough'));
    await expect(abandoned).rejects.toThrow('enough');
    proxy.deliverReplies();
    expect(await ours).toMatchObject({ outcome: 'appended', revision: 0n });
    expect(await given.stored(left)).toHaveLength(1);
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
    given.relay.disturb('batchAppend', { rewriteReply: fail });
    const others = [aStream(), aStream()].map((other) => given.store.append(other, 'none', [anEvent()]));
    expect(await given.store.append(stream, 'none', [anEvent()])).toMatchObject({ outcome: 'appended', revision: 0n });
    expect(await Promise.all(others)).toMatchObject([{ outcome: 'appended' }, { outcome: 'appended' }]);
    expect(failures).toBeLessThan(1);
    expect(await given.stored(stream)).toHaveLength(1);
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
    given.relay.disturb('batchAppend', { rewriteReply: refuse });
    await expect(given.store.append(aStream(), 'none', [anEvent()])).rejects.toThrow(EventStoreUnavailable);
    expect(answers).toBe(1);
  });

  it('takes the appends that were under way along when it breaks, and each is stored once', async () => {
    const streams = Array.from({ length: 50 }, aStream);
    given.relay.disturb('batchAppend', { replaceReply: { code: status.UNKNOWN, details: 'the call breaks' } }, 3);
    const results = await Promise.all(streams.map((stream) => given.store.append(stream, 'none', events(2))));
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['appended']));
    for (const stream of streams) expect(await given.stored(stream)).toHaveLength(2);
  });
});

describe('the client’s shared state', () => {
  it('rejects other clients’ appends when one is disposed of, and not ours', async () => {
    given.relay.disturb('batchAppend', { withholdReply: true }, 2);
    const other = given.node.rawClient();
    await other.appendToStream(aStream(), raw(anEvent()));
    const innocent = within(2_000, given.node.rawClient(given.relay.url).appendToStream(aStream(), raw(anEvent())));
    const ours = given.store.append(aStream(), 'none', [anEvent()]);
    while (given.relay.calls('batchAppend') < 2) await new Promise(setImmediate);
    await other.dispose();
    expect(await innocent).toHaveProperty('error');
    expect(await ours).toMatchObject({ outcome: 'appended' });
  });

  it('remembers for ever that a first question failed, and ours does not ask it', async () => {
    const rawClient = given.node.rawClient(given.relay.url);
    given.relay.disturb('features', { answer: { code: status.UNKNOWN, details: 'starting' } }, 1);
    for (const _ of [1, 2, 3]) {
      await expect(rawClient.appendToStream(aStream(), raw(anEvent()))).rejects.toMatchObject({ code: status.UNKNOWN });
    }
    given.relay.disturb('features', { withholdReply: true });
    const unasked = given.node.rawClient(given.relay.url).appendToStream(aStream(), raw(anEvent()), { deadline: 100 });
    expect(await within(500, unasked)).toBe('pending');
    expect(await given.store.append(aStream(), 'none', [anEvent()])).toMatchObject({ outcome: 'appended' });
  });
});

describe('an error of the server that the client can’t read', () => {
  const failure = { code: status.NOT_FOUND, details: 'garbled', trailers: { exception: 'wrong-expected-version' } };

  it('ends the process of a bare client', async () => {
    given.relay.disturb('read', { answer: failure });
    const script = `try { for await (const _ of client.readStream('${aStream()}')); } catch { }`;
    const { code, stderr } = await withRawClient(given.relay.url, script, 10_000);
    expect({ code, thrown: stderr.includes('TypeError') }).toEqual({ code: 1, thrown: true });
  });

  it('is a fault or an answer like others to ours', async () => {
    given.relay.disturb('read', { answer: failure }, 1);
    given.relay.disturb('batchAppend', { answer: failure }, 1);
    const results = await Promise.allSettled([
      given.store.readHead(),
      given.store.append(aStream(), 'none', [anEvent()]),
    ]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'fulfilled']);
  });
});
