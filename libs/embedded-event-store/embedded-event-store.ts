import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { AppendQueue } from './append-queue.ts';
import { appendService } from './append-service.ts';
import { basicAuthentication } from './authentication.ts';
import { type BatchCall, serveBatchAppend } from './batch-append-service.ts';
import { EventLog } from './event-log.ts';
import { EventReader } from './event-reader.ts';
import { FolderLock } from './folder-lock.ts';
import { checkListenAddress, type TlsFiles } from './listen-policy.ts';
import { featuresService, gossipService } from './node-services.ts';
import { type ReadCall } from './outlet.ts';
import { serveRead } from './read-service.ts';
import { pipelining } from './pipelining.ts';
import { StreamHeads } from './stream-heads.ts';
import { GossipService, ServerFeaturesService, StreamsService } from './wire/definitions.ts';

export interface EmbeddedEventStoreOptions {
  /** A DATA_DIR; the store keeps its files in `events` below it. */
  readonly dataDir: string;
  /** Default 127.0.0.1. Anything but loopback needs `tls` and `password`. */
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls?: TlsFiles | undefined;
  /** Of the user `admin`; with it every call but the client's first needs these credentials. */
  readonly password?: string | undefined;
}

/** Clients send up to 3 MiB at once; EventStoreDB takes 16. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** How long `close` waits for clients to hang up before it does. */
const HANG_UP_AFTER_MS = 2_000;

/** One node that answers `@eventstore/db-client` as EventStoreDB does, over LMDB. See docs/event-store.md. */
export class EmbeddedEventStore {
  private closed: Promise<void> | undefined;

  private constructor(
    /** Where it listens. */
    readonly host: string,
    readonly port: number,
    /** For the client; without the password, which the caller has. */
    readonly url: string,
    private readonly queue: AppendQueue,
    private readonly shutDown: () => Promise<void>,
  ) {}

  /** Whether appends are taken; false, for good, once the disk gave no answer to a write. A matter for liveness. */
  get isWritable(): boolean {
    return this.queue.isWritable;
  }

  /**
   * @throws {import('./listen-policy.ts').UnsafeListenAddress}
   * @throws {import('./folder-lock.ts').FolderInUse} another process has the folder
   * @throws {import('./event-log.ts').NewerStoreFormat}
   */
  static async open(options: EmbeddedEventStoreOptions): Promise<EmbeddedEventStore> {
    const { dataDir, host = '127.0.0.1', port, tls } = options;
    // An empty one is none: nobody could give it.
    const password = options.password === '' ? undefined : options.password;
    checkListenAddress({ host, tls, password });
    const folder = join(dataDir, 'events');
    const lock = await FolderLock.take(folder);
    let log: EventLog | undefined;
    try {
      log = EventLog.open(folder);
      return await EmbeddedEventStore.listen(log, lock, { host, port, tls, password });
    } catch (error) {
      await log?.close();
      await lock.release();
      throw error;
    }
  }

  /** Stops taking work, flushes what was taken, ends every call, and frees the folder. */
  close(): Promise<void> {
    return (this.closed ??= this.shutDown());
  }

  private static async listen(
    log: EventLog,
    lock: FolderLock,
    {
      host,
      port,
      tls,
      password,
    }: { host: string; port: number; tls: TlsFiles | undefined; password: string | undefined },
  ): Promise<EmbeddedEventStore> {
    const heads = new StreamHeads(log);
    const reader = new EventReader(log, heads);
    const queue = new AppendQueue(log, heads, () => reader.announce());
    const closing = new AbortController();
    // One for each call that is going on.
    setMaxListeners(0, closing.signal);
    const server = new Server({
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      interceptors: [pipelining, ...(password === undefined ? [] : [basicAuthentication(password)])],
    });
    let boundPort = port;
    server.addService(ServerFeaturesService, featuresService());
    server.addService(
      GossipService,
      gossipService(() => ({ host, port: boundPort })),
    );
    server.addService(StreamsService, {
      ...appendService(queue),
      batchAppend: (call: BatchCall) => serveBatchAppend(call, queue, closing.signal),
      read: (call: ReadCall) => serveRead(call, reader, closing.signal),
    });
    boundPort = await bind(server, host, port, tls);
    const url = `esdb://${authority(host)}:${boundPort}?tls=${tls !== undefined}`;
    return new EmbeddedEventStore(host, boundPort, url, queue, async () => {
      const written = queue.close();
      closing.abort();
      await hangUp(server);
      await written;
      await log.close();
      await lock.release();
    });
  }
}

function bind(server: Server, host: string, port: number, tls: TlsFiles | undefined): Promise<number> {
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [{ cert_chain: tls.certificate, private_key: tls.key }]);
  return new Promise((resolve, reject) => {
    server.bindAsync(`${authority(host)}:${port}`, credentials, (error, boundPort) => {
      if (error === null) resolve(boundPort);
      else reject(error);
    });
  });
}

function hangUp(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.forceShutdown(), HANG_UP_AFTER_MS);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}

function authority(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
