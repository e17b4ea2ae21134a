import { EventStoreDBClient } from '@eventstore/db-client';
import { connectionStringFor, requireUsable } from './connection-string.ts';
import { EventStoreUnavailable } from './event-store-unavailable.ts';

/** A replaced client may still carry calls that are well; of so many they are left to end by themselves. */
const MAX_RETIRED = 2;
const CLOSE_MS = 2_000;

interface Channel {
  close(): void;
}

/**
 * The process's one client, replaced when it stops answering. That is needed although the client reconnects by itself after
 * an error: a connection that swallows everything stays in use until its keep-alive ends it, 20 s later.
 */
export class Connection {
  #client: EventStoreDBClient;
  #closed = false;
  readonly #retired: EventStoreDBClient[] = [];
  readonly #disposed = new WeakSet<EventStoreDBClient>();
  readonly #channels = new WeakMap<EventStoreDBClient, Channel[]>();

  /** Connects with the first call. Throws a TypeError, without the string, where it can't be used. */
  constructor(private readonly url: string) {
    requireUsable(url);
    this.#client = this.#first();
  }

  get closed(): boolean {
    return this.#closed;
  }

  client(): EventStoreDBClient {
    if (this.#closed) throw new EventStoreUnavailable('The connection to the event store is closed.');
    return this.#client;
  }

  /** Callers come here in numbers when a connection breaks: only the first one that names the client in use replaces it. */
  replace(client: EventStoreDBClient): void {
    if (client !== this.#client || this.#closed) return;
    this.#client = this.#make(connectionStringFor(this.url));
    this.#retired.push(client);
    this.#closeChannels(client);
    const oldest = this.#retired.length > MAX_RETIRED ? this.#retired.shift() : undefined;
    if (oldest !== undefined) void this.#dispose(oldest);
  }

  /** Disposing cancels reads, and a cancelled read ends like a complete one: what it gave must not be taken for all. */
  requireLive(client: EventStoreDBClient): void {
    if (this.#disposed.has(client)) throw new EventStoreUnavailable('The connection was replaced during the read.');
  }

  /** Without this, open calls keep the process alive. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#retired, this.#client].map((client) => this.#dispose(client)));
  }

  /** Made at once, not with the first call: a string that it can't read must not look like a fault later. */
  #first(): EventStoreDBClient {
    let reason: string;
    try {
      return this.#make(connectionStringFor(this.url));
    } catch (error) {
      // The parser's error carries the string, in part in its message. The others are about certificate files.
      reason = error instanceof Error && !('connectionString' in error) ? error.message : 'It can’t be read.';
    }
    throw new TypeError(`The event store’s connection string can’t be used: ${reason}`);
  }

  /**
   * A client that appends by `Append`, one call each, never over `BatchAppend`'s stream. That stream has no timer; its
   * error rejects the appends of every client in the process; an answer that comes after such an error is thrown where
   * nothing can catch it; and the question whether it is supported has no deadline, with its failure remembered for ever.
   * `Append` has none of these, at the cost of a little more CPU for each append.
   *
   * The client never closes a channel that still works, so its channels are noted for `close`.
   */
  #make(connectionString: string): EventStoreDBClient {
    const client = EventStoreDBClient.connectionString(connectionString);
    const channels: Channel[] = [];
    this.#channels.set(client, channels);
    const createChannel = Reflect.get(client, 'createChannel') as () => Promise<Channel>;
    const noted = async () => {
      const channel = await createChannel();
      channels.push(channel);
      return channel;
    };
    Object.defineProperty(client, 'createChannel', { value: noted });
    Object.defineProperty(client, 'supports', { value: () => Promise.resolve(false) });
    return client;
  }

  async #dispose(client: EventStoreDBClient): Promise<void> {
    this.#disposed.add(client);
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
    await Promise.race([client.dispose(), enough]).finally(() => clearTimeout(timer));
    this.#closeChannels(client);
  }

  /** Takes no new calls; those that go on may end. Closing twice is no error. */
  #closeChannels(client: EventStoreDBClient): void {
    for (const channel of this.#channels.get(client) ?? []) channel.close();
  }
}
