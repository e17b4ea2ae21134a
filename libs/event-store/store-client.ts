import { EventStoreDBClient } from '@eventstore/db-client';
import { Client, type CallOptions, type Channel, type ClientReadableStream, type Metadata } from '@grpc/grpc-js';
import { AppendStream } from './append-stream.ts';
import { type Bound } from './bound.ts';
import { OpenChannels } from './open-channels.ts';
import { type AppendAnswer } from './wire/append-answer.ts';

const STREAMS = '/event_store.client.streams.Streams';
const CLOSE_MS = 2_000;

/**
 * Over so many calls the appends of a channel are spread. grpc-js hands a call's next message over only when the socket has
 * taken the last one: one in each turn of the event loop, with a write here and a read there of its own. With several calls
 * as many messages share those. They count towards the hundred that a server lets a connection have open.
 */
const APPEND_CALLS = 8;
/** So many share a call before the next one is opened. */
const APPENDS_PER_CALL = 4;

/** What is used of the client. All but the first line its declarations keep to subclasses, which its factory does not make. */
interface UsedClient extends Pick<EventStoreDBClient, 'appendToStream' | 'dispose'> {
  createChannel: () => Promise<Channel>;
  supports: () => Promise<boolean>;
  handleError: (grpc: Client, error: Error) => Promise<void>;
  readonly GRPCStreamCreator: <T>(grpc: typeof Client, name: string, create: (grpc: Client) => T) => () => Promise<T>;
  readonly execute: <T>(grpc: typeof Client, name: string, action: (grpc: Client) => Promise<T>) => Promise<T>;
  readonly callArguments: (
    options: { readonly requiresLeader?: boolean },
    callOptions: { readonly deadline: number },
  ) => [Metadata, CallOptions];
}

/**
 * `@eventstore/db-client` for whatever concerns the way to the server: the connection string, discovery of a cluster, TLS,
 * credentials, turning to the leader, a new channel after a fault. Over its channel reads and small appends are calls of
 * our own, with messages that cost a fraction (docs/adr/0005). Made at once, connected with the first call.
 */
export class StoreClient {
  readonly #client: UsedClient;
  readonly #channels = new OpenChannels();
  readonly #appends = new Map<Client, readonly AppendStream[]>();

  /** Throws what the client throws at a connection string, which is in the error. */
  constructor(connectionString: string) {
    this.#client = EventStoreDBClient.connectionString(connectionString) as unknown as UsedClient;
    const { createChannel, handleError } = this.#client;
    this.#client.createChannel = async () => {
      const channel = await createChannel();
      this.#channels.add(channel);
      return channel;
    };
    // Its `appendToStream` then never takes the client's own BatchAppend, see docs/adr/0003.
    this.#client.supports = () => Promise.resolve(false);
    // Nobody waits for it, so its own failure (an error that it can't read, a discovery that fails) would end the process.
    // What the call failed with is told to its caller all the same.
    this.#client.handleError = (grpc, error) => handleError(grpc, error).catch(() => undefined);
  }

  /** A read or a subscription: `ReadResp` messages, undecoded. */
  read(
    request: Uint8Array,
    { requiresLeader }: { readonly requiresLeader: boolean },
  ): Promise<ClientReadableStream<Buffer>> {
    const open = this.#client.GRPCStreamCreator(Client, 'read', (grpc) =>
      grpc.makeServerStreamRequest(
        `${STREAMS}/Read`,
        asBuffer,
        asItIs,
        request,
        ...this.#client.callArguments({ requiresLeader }, { deadline: Infinity }),
      ),
    );
    return open();
  }

  /**
   * An append over one of the calls that all appends share.
   * @param body see `batchAppendBody`
   * @throws what AppendStream throws
   */
  append(body: Uint8Array, silenceMs: number, bound: Bound): Promise<AppendAnswer> {
    return this.#client.execute(Client, 'append', (grpc) => this.#appendStream(grpc).append(body, silenceMs, bound));
  }

  /** An append as a call of its own, so that a large one holds up no others. */
  appendAlone(
    ...call: Parameters<EventStoreDBClient['appendToStream']>
  ): ReturnType<EventStoreDBClient['appendToStream']> {
    return this.#client.appendToStream(...call);
  }

  /** Takes no new calls; those that go on may end. */
  retire(): void {
    for (const stream of [...this.#appends.values()].flat()) stream.retire();
    this.#channels.closeAll();
  }

  /** Cancels reads and subscriptions. Without this, open calls keep the process alive. */
  async dispose(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
    await Promise.race([this.#client.dispose(), enough]).finally(() => clearTimeout(timer));
    this.retire();
  }

  /** The first one with room, so that few appends need one call; the one with the fewest where none has. */
  #appendStream(grpc: Client): AppendStream {
    const streams = this.#appends.get(grpc) ?? this.#newAppendStreams(grpc);
    return (
      streams.find(({ waiting }) => waiting < APPENDS_PER_CALL) ??
      streams.reduce((least, stream) => (stream.waiting < least.waiting ? stream : least))
    );
  }

  /** For each channel: the client makes a new channel when the old one failed or another node leads. */
  #newAppendStreams(grpc: Client): readonly AppendStream[] {
    for (const older of [...this.#appends.values()].flat()) older.retire();
    this.#appends.clear();
    const open = () => {
      const [metadata, options] = this.#client.callArguments({ requiresLeader: true }, { deadline: Infinity });
      return grpc.makeBidiStreamRequest(`${STREAMS}/BatchAppend`, asBuffer, asItIs, metadata, options);
    };
    const streams = Array.from({ length: APPEND_CALLS }, () => new AppendStream(open));
    this.#appends.set(grpc, streams);
    return streams;
  }
}

function asBuffer(message: Uint8Array): Buffer {
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
}

function asItIs(message: Buffer): Buffer {
  return message;
}
