import { EventStoreDBClient } from '@eventstore/db-client';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';
import { type NewEvent } from '#event-store/recorded-event';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real store on a free port, that can be stopped and started again there, with its data or without. */
export class NodeUnderTest {
  readonly host = '127.0.0.1';
  readonly #folders: string[] = [];
  readonly #clients: EventStoreDBClient[] = [];
  #node: EmbeddedEventStore | undefined;
  #port = 0;

  static async open(): Promise<NodeUnderTest> {
    const node = new NodeUnderTest();
    await node.startEmpty();
    return node;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `esdb://${this.host}:${this.#port}?tls=false`;
  }

  async start(): Promise<void> {
    this.#node = await EmbeddedEventStore.open({ dataDir: this.#folders.at(-1)!, port: this.#port });
    this.#port = this.#node.port;
  }

  async startEmpty(): Promise<void> {
    this.#folders.push(await mkdtemp(join(tmpdir(), 'latchkey-event-store-')));
    await this.start();
  }

  async stop(): Promise<void> {
    await this.#node?.close();
    this.#node = undefined;
  }

  /** The client as it comes, to show what it does by itself. */
  rawClient(url = this.url): EventStoreDBClient {
    const client = EventStoreDBClient.connectionString(url);
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) await client.dispose();
    await this.stop();
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true });
  }
}

export function aStream(): string {
  return `wrapped-${randomUUID()}`;
}

export function anEvent(data: NewEvent['data'] = {}): NewEvent {
  return { id: randomUUID(), type: 'Happened', data, metadata: { schemaVersion: 1 } };
}

export function events(count: number, data: NewEvent['data'] = {}): NewEvent[] {
  return Array.from({ length: count }, (_, number) => anEvent({ number, ...data }));
}

/** An event in the client's own form. */
export function raw({ id, type, data }: NewEvent) {
  return { id, type, contentType: 'application/json' as const, data, metadata: undefined };
}

/** Waits until the condition holds; the test's own timeout is the bound. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** What became of a promise within a time: enough to show that something never settles. */
export async function within<T>(
  ms: number,
  promise: Promise<T>,
): Promise<{ value: T } | { error: unknown } | 'pending'> {
  let timer: NodeJS.Timeout | undefined;
  const pending = new Promise<'pending'>((resolve) => (timer = setTimeout(() => resolve('pending'), ms)));
  const settled = promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  return Promise.race([settled, pending]).finally(() => clearTimeout(timer));
}
