import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EventStore } from '#event-store/event-store';
import { EventStoreUnavailable } from '#event-store/event-store-unavailable';
import { GrpcRelay } from '#testing/grpc-relay';
import { withRawClient } from './child.ts';
import { NodeUnderTest, aStream, anEvent, until, within } from './node-under-test.ts';

let node: NodeUnderTest;

beforeAll(async () => {
  node = await NodeUnderTest.open();
});
afterAll(() => node.close());

/** Both ends of the connections in this process that keep it running. */
function sockets(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length;
}

describe('a closed event store', () => {
  it('leaves nothing behind that keeps the process running, as an open subscription of the client does', async () => {
    const subscribed = `client.subscribeToAll().on('confirmation', () => console.log('subscribed'));`;
    expect(await withRawClient(node.url, subscribed, 2_500)).toMatchObject({ code: null, stdout: 'subscribed\n' });

    const before = sockets();
    const store = EventStore.connect(node.url);
    const controller = new AbortController();
    const states: string[] = [];
    const following = store.subscribe({
      prefixes: ['any'],
      after: () => undefined,
      onBatch: () => Promise.resolve(),
      onState: (state) => states.push(state),
      signal: controller.signal,
    });
    await store.append(aStream(), 'none', [anEvent()]);
    await until(() => states.includes('live'));
    expect(sockets()).toBeGreaterThan(before);
    await store.close();
    await following;
    await until(() => sockets() <= before);
  });

  it('refuses every call at once', async () => {
    const store = EventStore.connect(node.url);
    await store.readHead();
    await store.close();
    await store.close();
    const refused = { error: expect.any(EventStoreUnavailable) as unknown };
    expect(await within(200, store.readStream(aStream()))).toEqual(refused);
    expect(await within(200, store.append(aStream(), 'none', [anEvent()]))).toEqual(refused);
    expect(await within(200, store.readHead())).toEqual(refused);
  });
});

describe('a connection that is replaced', () => {
  it('is closed, however often that happens', async () => {
    const relay = await GrpcRelay.open(node);
    const store = EventStore.connect(relay.url, { silenceMs: 30, backOff: { firstMs: 1, maxMs: 1 } });
    await store.readHead({ deadlineMs: Date.now() + 5_000 });
    const before = sockets();
    relay.disturb('batchAppend', { withholdReply: true });
    const appending = store.append(aStream(), 'none', [anEvent()], { deadlineMs: Date.now() + 60_000 });
    await until(() => relay.calls('batchAppend') > 5);
    relay.heal();
    await appending;
    await until(() => sockets() <= before + 2);
    await store.close();
    relay.close();
  });
});
