import { START, streamNameFilter, type Position } from '@eventstore/db-client';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { requires } from '#testing/requires';
import { TcpProxy } from '#testing/tcp-proxy';
import { eventStoreUnderTest, ids, oneHostWithoutTls } from './event-store-under-test.ts';

const store = eventStoreUnderTest();

/** The client never subscribes again by itself; what it must be able to rely on is that a position resumes exactly. */
requires(oneHostWithoutTls)('after the connection was cut', () => {
  let proxy: TcpProxy;

  beforeAll(async () => {
    proxy = await TcpProxy.open(store.endpoint);
  });

  afterAll(() => proxy.close());

  const throughProxy = () => store.connect({}, `esdb://127.0.0.1:${proxy.port}?tls=false`);

  it('a subscription to $all from the last position loses and repeats nothing', async () => {
    const stream = store.stream('cut');
    const filter = streamNameFilter({ prefixes: [stream] });
    const client = throughProxy();
    let from: Position = await store.now();
    const seen: string[] = [];
    const written: string[] = [];
    for (let cut = 0; cut < 5; cut += 1) {
      const subscription = store.observe(client.subscribeToAll({ fromPosition: from, filter }));
      const events = store.events(40);
      written.push(...ids(events));
      await store.client.appendToStream(stream, events.slice(0, 20));
      await subscription.untilEvents(1);
      proxy.cut();
      await subscription.until('the cut', () => subscription.error !== undefined);
      await store.client.appendToStream(stream, events.slice(20));
      seen.push(...ids(subscription.events));
      from = subscription.events.at(-1)!.position!;
    }
    const rest = store.observe(client.subscribeToAll({ fromPosition: from, filter }));
    await rest.until('the rest', () => seen.length + rest.events.length >= written.length);
    expect([...seen, ...ids(rest.events)]).toEqual(written);
  });

  it('a subscription to a stream from the last revision loses and repeats nothing', async () => {
    const stream = store.stream('cut');
    const client = throughProxy();
    await store.client.appendToStream(stream, store.events(30));
    const first = store.observe(client.subscribeToStream(stream, { fromRevision: START }));
    await first.untilEvents(1);
    proxy.cut();
    await first.until('the cut', () => first.error !== undefined);
    const last = first.events.at(-1)!.revision;
    await store.client.appendToStream(stream, store.events(30));
    const second = store.observe(client.subscribeToStream(stream, { fromRevision: last }));
    await second.untilEvents(60 - first.events.length);
    expect([...ids(first.events), ...ids(second.events)]).toEqual(ids(await store.readStream(stream)));
  });

  it('the same client reads and appends on', async () => {
    const client = throughProxy();
    const stream = store.stream('cut');
    const observed = store.observe(client.subscribeToStream(stream));
    await observed.untilCaughtUp();
    proxy.cut();
    await observed.until('the cut', () => observed.error !== undefined);
    const event = store.event();
    await client.appendToStream(stream, event, { credentials: { username: 'unused', password: 'unused' } });
    const read: string[] = [];
    for await (const resolved of client.readStream(stream)) read.push(resolved.event!.id);
    expect(read).toEqual([event.id]);
  });
});
