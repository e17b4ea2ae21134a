import { EventStoreDBClient } from '@eventstore/db-client';
import { connectionStringFor, requireUsable } from './connection-string.ts';
import { EventStoreUnavailable } from './event-store-unavailable.ts';

/** A replaced client may still carry healthy calls; of so many they are left to end by themselves. */
const MAX_RETIRED = 2;

/**
 * The process's one client, made when first needed and replaced when it stops answering.
 *
 * Replacing is needed although the client reconnects by itself: a failed attempt to connect leaves a back-off of up to two
 * minutes in grpc-js's pool, and a connection that swallows everything stays in use until its keep-alive ends.
 */
export class Connection {
  #client: EventStoreDBClient | undefined;
  #generation = 0;
  #closed = false;
  readonly #retired: EventStoreDBClient[] = [];
  readonly #disposed = new WeakSet<EventStoreDBClient>();

  constructor(private readonly url: string) {
    requireUsable(url);
  }

  client(): EventStoreDBClient {
    if (this.#closed) throw new EventStoreUnavailable('The connection to the event store is closed.');
    this.#client ??= makeClient(connectionStringFor(this.url, this.#generation));
    return this.#client;
  }

  /** Callers come here in numbers when a connection breaks: only the first one that names the client in use replaces it. */
  replace(client: EventStoreDBClient): void {
    if (client !== this.#client) return;
    this.#client = undefined;
    this.#generation += 1;
    this.#retired.push(client);
    const oldest = this.#retired.length > MAX_RETIRED ? this.#retired.shift() : undefined;
    if (oldest !== undefined) void this.#dispose(oldest);
  }

  /** Disposing cancels reads, and a cancelled read ends like a complete one: what it gave must not be taken for all. */
  requireLive(client: EventStoreDBClient): void {
    if (this.#disposed.has(client)) throw new EventStoreUnavailable('The connection was replaced during the read.');
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Without disposing them, open calls keep the process alive. */
  async close(): Promise<void> {
    this.#closed = true;
    const clients = [...this.#retired, ...(this.#client === undefined ? [] : [this.#client])];
    await Promise.all(clients.map((client) => this.#dispose(client)));
  }

  #dispose(client: EventStoreDBClient): Promise<void> {
    this.#disposed.add(client);
    return client.dispose();
  }
}

/**
 * A client that appends by `Append`, one call each, never over `BatchAppend`'s stream. That stream has no timer; its error
 * rejects the appends of every client in the process; an answer that comes after such an error is thrown where nothing
 * can catch it; and the question whether it is supported has no deadline, with its failure remembered for ever. `Append`
 * has none of these, at the cost of a little more CPU for each append.
 */
function makeClient(connectionString: string): EventStoreDBClient {
  const client = EventStoreDBClient.connectionString(connectionString);
  Object.defineProperty(client, 'supports', { value: () => Promise.resolve(false) });
  return client;
}
