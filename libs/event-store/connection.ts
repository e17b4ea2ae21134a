import { connectionStringFor, requireUsable } from './connection-string.ts';
import { EventStoreUnavailable } from './event-store-unavailable.ts';
import { StoreClient } from './store-client.ts';

/** A replaced client may still carry calls that are well; of so many they are left to end by themselves. */
const MAX_RETIRED = 2;

/**
 * The process's one client, replaced when it stops answering. That is needed although the client reconnects by itself after
 * an error: a connection that swallows everything stays in use until its keep-alive ends it, 20 s later.
 */
export class Connection {
  #client: StoreClient;
  #closed = false;
  readonly #retired: StoreClient[] = [];

  /** Connects with the first call. Throws a TypeError, without the string, where it can't be used. */
  constructor(private readonly url: string) {
    requireUsable(url);
    this.#client = this.#first();
  }

  get closed(): boolean {
    return this.#closed;
  }

  client(): StoreClient {
    if (this.#closed) throw new EventStoreUnavailable('The connection to the event store is closed.');
    return this.#client;
  }

  /** Callers come here in numbers when a connection breaks: only the first one that names the client in use replaces it. */
  replace(client: StoreClient): void {
    if (client !== this.#client || this.#closed) return;
    this.#client = this.#make();
    this.#retired.push(client);
    client.retire();
    const oldest = this.#retired.length > MAX_RETIRED ? this.#retired.shift() : undefined;
    if (oldest !== undefined) void oldest.dispose();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#retired, this.#client].map((client) => client.dispose()));
  }

  /** Made at once, not with the first call: a string that it can't read must not look like a fault later. */
  #first(): StoreClient {
    let reason: string;
    try {
      return this.#make();
    } catch (error) {
      // The parser's error carries the string, in part in its message. The others are about certificate files.
      reason = error instanceof Error && !('connectionString' in error) ? error.message : 'It can’t be read.';
    }
    throw new TypeError(`The event store’s connection string can’t be used: ${reason}`);
  }

  #make(): StoreClient {
    return new StoreClient(connectionStringFor(this.url));
  }
}
