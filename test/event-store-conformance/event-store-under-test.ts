import { afterAll, beforeAll } from '@jest/globals';
import {
  EventStoreDBClient,
  jsonEvent,
  type Credentials,
  type EventData,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
} from '@eventstore/db-client';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Requirement } from '#testing/requires';
import { Observed, type Observable } from './observed.ts';

/** How the unmodified client sends an append: over its one BatchAppend stream, or by a call of its own. */
export const WAYS = [{ way: 'batch append' }, { way: 'plain append' }] as const;
export type Way = (typeof WAYS)[number]['way'];

/**
 * The server that the suite states the behaviour of: LATCHKEY_TEST_EVENTSTORE, or an embedded node of the spec's own.
 * A real server may be shared and hold other data: streams are unique to a run, and $all is read from own positions.
 */
export function eventStoreUnderTest(): EventStoreUnderTest {
  const store = new EventStoreUnderTest();
  beforeAll(() => store.start());
  afterAll(() => store.stop());
  return store;
}

export class EventStoreUnderTest {
  /** Begins the name of every stream and the type of every event of this spec. */
  readonly run = `conformance${randomUUID().slice(0, 8)}`;
  url = '';
  private main: EventStoreDBClient | undefined;
  private readonly clients: EventStoreDBClient[] = [];
  private readonly observed: Observed[] = [];
  private stopServer: (() => Promise<void>) | undefined;

  get client(): EventStoreDBClient {
    return (this.main ??= this.connect());
  }

  async start(): Promise<void> {
    const url = process.env['LATCHKEY_TEST_EVENTSTORE'];
    if (url !== undefined && url !== '') {
      this.url = url;
      return;
    }
    const dataDir = await mkdtemp(join(tmpdir(), 'latchkey-conformance-'));
    const node = await EmbeddedEventStore.open({ dataDir, port: 0 });
    this.url = node.url;
    this.stopServer = async () => {
      await node.close();
      await rm(dataDir, { recursive: true, force: true });
    };
  }

  async stop(): Promise<void> {
    for (const observed of this.observed) await observed.stop();
    for (const client of this.clients) await client.dispose();
    await this.stopServer?.();
  }

  /** A client of its own, closed with the rest. `parameters` go into the connection string. */
  connect(parameters: Record<string, string> = {}, url = this.url): EventStoreDBClient {
    const query = new URLSearchParams(parameters).toString();
    const client = EventStoreDBClient.connectionString(
      query === '' ? url : `${url}${url.includes('?') ? '&' : '?'}${query}`,
    );
    this.clients.push(client);
    return client;
  }

  stream(what = 'stream'): string {
    return `${this.run}_${what}-${randomUUID()}`;
  }

  event(id: string = randomUUID(), type = `${this.run}Happened`): EventData {
    return jsonEvent({ id, type, data: { of: this.run } });
  }

  events(count: number): EventData[] {
    return Array.from({ length: count }, () => this.event());
  }

  /**
   * Credentials on the call make the client choose the plain append. Over `tls=false` it then drops them; over TLS they
   * are those of the connection string, or a new server's.
   */
  append(way: Way): { credentials?: Credentials } {
    const [, username, password] = /^esdb[^:]*:\/\/([^:@/]+):([^@/]+)@/.exec(this.url) ?? [];
    return way === 'batch append'
      ? {}
      : {
          credentials: {
            username: decodeURIComponent(username ?? 'admin'),
            password: decodeURIComponent(password ?? 'changeit'),
          },
        };
  }

  async readStream(stream: string, options: ReadStreamOptions = {}): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    for await (const { event } of this.client.readStream(stream, options)) if (event) events.push(event);
    return events;
  }

  async readAll(options: ReadAllOptions): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    for await (const { event } of this.client.readAll({ maxCount: 20_000, ...options })) if (event) events.push(event);
    return events;
  }

  /** $all from a position on, without what others have written meanwhile. */
  async readOwn(stream: string, options: ReadAllOptions): Promise<RecordedEvent[]> {
    return (await this.readAll(options)).filter(({ streamId }) => streamId === stream || streamId === `$$${stream}`);
  }

  /** A position of $all to start from: everything that a test writes after this call lies behind it. */
  async now(): Promise<Position> {
    const { position } = await this.client.appendToStream(this.stream('now'), this.event());
    return position!;
  }

  /** Where the one server listens; see `oneHostWithoutTls`. */
  get endpoint(): { host: string; port: number } {
    const [, host, port] = /^esdb:\/\/(?:[^@/]*@)?([^:/?]+)(?::(\d+))?/.exec(this.url) ?? [];
    return { host: host!, port: Number(port ?? 2113) };
  }

  observe(subscription: Observable): Observed {
    const observed = new Observed(subscription);
    this.observed.push(observed);
    return observed;
  }
}

export function ids(events: readonly { readonly id: string }[]): string[] {
  return events.map(({ id }) => id);
}

export function revisions(events: readonly { readonly revision: bigint }[]): bigint[] {
  return events.map(({ revision }) => revision);
}

/** What a promise rejects with; fails where it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const settled = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in settled) return settled.error;
  throw new Error('resolved, where a rejection was expected');
}

/** Cases that come between the client and the server, or speak to the server without the client. */
export const oneHostWithoutTls: Requirement = {
  name: 'one server reached without TLS',
  missing: () => {
    const url = process.env['LATCHKEY_TEST_EVENTSTORE'] ?? '';
    if (url === '' || /^esdb:\/\/[^,?]+\?(.*&)?tls=false/.test(url)) return undefined;
    return 'LATCHKEY_TEST_EVENTSTORE names several, or uses TLS';
  },
};
