import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';
import { EventStore } from '#event-store/event-store';
import { EventStoreUnavailable } from '#event-store/event-store-unavailable';
import { aFolder } from '#testing/folders';
import { requires } from '#testing/requires';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { aStream, anEvent } from './node-under-test.ts';

const OPENSSL = 'openssl';
const PASSWORD = 'correct-horse';
const folder = aFolder('ways');
let node: EmbeddedEventStore;

afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true });
});

/** Every kind of call: a small and a large append, reads of a stream and of the log, a subscription. */
async function everyCall(store: EventStore): Promise<unknown[]> {
  const deadline = { deadlineMs: Date.now() + 8_000 };
  const [small, large] = [aStream(), aStream()];
  const event = anEvent({ text: 'x'.repeat(100_000) });
  const stop = new AbortController();
  const followed: string[] = [];
  const following = store.subscribe({
    prefixes: [small],
    after: () => undefined,
    onBatch: (events) => {
      followed.push(...events.map(({ stream }) => stream));
      stop.abort();
      return Promise.resolve();
    },
    onState: (state) => state === 'lost' && stop.abort(),
    signal: stop.signal,
  });
  const calls = [
    store.append(small, 'none', [anEvent()], deadline).then(({ outcome }) => outcome),
    store.append(large, 'none', [event], deadline).then(({ outcome }) => outcome),
  ];
  const results: unknown[] = (await Promise.allSettled(calls)).map(told);
  results.push(
    ...(await Promise.allSettled([store.readStream(large, 0n, deadline), store.readHead(deadline)])).map(told),
  );
  await following;
  return [...results.map((result) => (typeof result === 'object' ? 'read' : result)), followed[0] === small];
}

function told(result: PromiseSettledResult<unknown>): unknown {
  if (result.status === 'fulfilled') return result.value;
  return result.reason instanceof EventStoreUnavailable ? 'unavailable' : result.reason;
}

const WELL = ['appended', 'appended', 'read', 'read', true];

describe('a cluster that is found by its gossip', () => {
  beforeAll(async () => {
    node = await EmbeddedEventStore.open({ dataDir: join(folder, 'plain'), port: 0 });
  });
  afterAll(() => node.close());

  it.each([
    ['by one of its nodes', (address: string) => `esdb+discover://${address}?tls=false`],
    ['by several of them', (address: string) => `esdb://${address},${address}?tls=false`],
  ])('takes every call: %s', async (_, urlOf) => {
    const store = EventStore.connect(urlOf(`127.0.0.1:${node.port}`));
    expect(await everyCall(store)).toEqual(WELL);
    await store.close();
  });
});

requires({
  name: OPENSSL,
  missing: () => (spawnSync(OPENSSL, ['version']).status === 0 ? undefined : 'no such command'),
})('a server with a certificate and a password', () => {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const connect = (user: string) =>
    EventStore.connect(`esdb://${user}localhost:${node.port}?tls=true&tlsCAFile=${certificate}`);

  beforeAll(async () => {
    const made = spawnSync(OPENSSL, [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
      ...['-keyout', key, '-out', certificate],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ]);
    expect(made.status).toBe(0);
    node = await EmbeddedEventStore.open({
      dataDir: join(folder, 'secured'),
      port: 0,
      tls: { certificate: readFileSync(certificate), key: readFileSync(key) },
      password: PASSWORD,
    });
  });

  it('takes every call with the password, and none without it or with another', async () => {
    const store = connect(`admin:${PASSWORD}@`);
    expect(await everyCall(store)).toEqual(WELL);
    await store.close();
    for (const user of ['', 'admin:wrong@']) {
      const refused = connect(user);
      expect(await everyCall(refused)).toEqual(['unavailable', 'unavailable', 'unavailable', 'unavailable', false]);
      await refused.close();
    }
  });
});
