import {
  Client,
  Metadata,
  Server,
  ServerCredentials,
  credentials,
  status,
  type ClientDuplexStream,
  type ServerDuplexStream,
  type StatusObject,
} from '@grpc/grpc-js';

const STREAMS = '/event_store.client.streams.Streams';
const PATHS = {
  features: '/event_store.client.server_features.ServerFeatures/GetSupportedMethods',
  read: `${STREAMS}/Read`,
  append: `${STREAMS}/Append`,
  batchAppend: `${STREAMS}/BatchAppend`,
  delete: `${STREAMS}/Delete`,
  tombstone: `${STREAMS}/Tombstone`,
} as const;
export type Method = keyof typeof PATHS;

export interface Failure {
  readonly code: number;
  readonly details: string;
  /** The trailers, by which EventStoreDB says which error it is. */
  readonly trailers?: Readonly<Record<string, string>>;
}

/** What happens to a call. The server does its part, except with `answer`. */
export type Fault =
  /** The server is not asked. */
  | { readonly answer: Failure }
  /** The server does what was asked; the client hears this instead of its reply. */
  | { readonly replaceReply: Failure }
  /** The server does what was asked; the client hears nothing. */
  | { readonly withholdReply: true }
  /** Message by message; undefined: the client does not hear this one. */
  | { readonly rewriteReply: (reply: Buffer) => Buffer | undefined };

type Handled = ServerDuplexStream<Buffer, Buffer>;
type Forwarded = ClientDuplexStream<Buffer, Buffer>;

/**
 * A gRPC relay on a free loopback port between a client and an event store, for faults of single calls. Messages pass as the
 * bytes that they are, so both ends are the real ones.
 */
export class GrpcRelay {
  /** Messages that the server sent, by method. */
  readonly replies = new Map<Method, number>();
  readonly #calls: { readonly method: Method; readonly metadata: Metadata }[] = [];
  readonly #faults = new Map<Method, { fault: Fault; times: number }>();
  readonly #open = new Map<Method, Set<Handled>>();

  private constructor(
    readonly port: number,
    private readonly server: Server,
    private readonly upstream: Client,
  ) {}

  static async open(target: { readonly host: string; readonly port: number }): Promise<GrpcRelay> {
    const server = new Server();
    const upstream = new Client(`${target.host}:${target.port}`, credentials.createInsecure());
    const methods = Object.keys(PATHS) as Method[];
    // To the wire all four kinds of call are the same: as streams both ways, one handler serves them.
    server.addService(
      Object.fromEntries(methods.map((method) => [method, definition(PATHS[method])])),
      Object.fromEntries(methods.map((method) => [method, (call: Handled) => relay.#relay(method, call)])),
    );
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    const relay = new GrpcRelay(port, server, upstream);
    return relay;
  }

  get url(): string {
    return `esdb://127.0.0.1:${this.port}?tls=false`;
  }

  /** The next `times` calls of the method get this fault; for ever where it is left out. */
  disturb(method: Method, fault: Fault, times = Infinity): void {
    this.#faults.set(method, { fault, times });
  }

  heal(): void {
    this.#faults.clear();
  }

  /** How often the method was called. */
  calls(method: Method): number {
    return this.#calls.filter((call) => call.method === method).length;
  }

  /** Whether each call of the method so far asked for the leader. */
  askedLeader(method: Method): boolean[] {
    return this.#calls
      .filter((call) => call.method === method)
      .map(({ metadata }) => metadata.get('requires-leader')[0] === 'true');
  }

  /** How many calls of the method are going on. */
  open(method: Method): number {
    return this.#open.get(method)?.size ?? 0;
  }

  /** Ends every call of the method that is going on with an error, as a server that stops does. */
  breakOff(method: Method, failure: Failure): void {
    for (const call of this.#open.get(method) ?? []) fail(call, failure);
  }

  close(): void {
    this.server.forceShutdown();
    this.upstream.close();
  }

  #relay(method: Method, call: Handled): void {
    this.#calls.push({ method, metadata: call.metadata });
    const fault = this.#take(method);
    if (fault !== undefined && 'answer' in fault) {
      fail(call, fault.answer);
      return;
    }
    const open = this.#open.get(method) ?? new Set();
    this.#open.set(method, open.add(call));
    const forwarded = this.#forward(method, call);
    const over = () => {
      open.delete(call);
      forwarded.cancel();
    };
    call.on('cancelled', over);
    call.on('close', over);
    call.on('error', over);
    call.on('data', (request: Buffer) => forwarded.write(request));
    call.on('end', () => forwarded.end());
    forwarded.on('metadata', (metadata: Metadata) => call.sendMetadata(metadata));
    forwarded.on('data', (reply: Buffer) => {
      this.replies.set(method, (this.replies.get(method) ?? 0) + 1);
      if (fault === undefined) write(forwarded, call, reply);
      else if ('rewriteReply' in fault) {
        const rewritten = fault.rewriteReply(reply);
        if (rewritten !== undefined) write(forwarded, call, rewritten);
      } else if ('replaceReply' in fault) fail(call, fault.replaceReply);
    });
    const withheld = fault !== undefined && 'withholdReply' in fault;
    forwarded.on('error', (error: StatusObject & Error) => {
      if (!withheld && !call.cancelled) call.emit('error', error);
    });
    let ended: status | undefined;
    forwarded.on('status', ({ code }: { readonly code: status }) => (ended = code));
    // An error's status comes as that event; the good one is passed on behind the last message.
    forwarded.on('end', () => {
      if (withheld) return;
      open.delete(call);
      if (ended === status.OK) call.end();
    });
  }

  #forward(method: Method, call: Handled): Forwarded {
    const metadata = call.metadata.clone();
    metadata.remove('user-agent');
    return this.upstream.makeBidiStreamRequest(PATHS[method], asIs, asIs, metadata);
  }

  #take(method: Method): Fault | undefined {
    const disturbed = this.#faults.get(method);
    if (disturbed === undefined || disturbed.times <= 0) return undefined;
    disturbed.times -= 1;
    return disturbed.fault;
  }
}

function write(from: Forwarded, to: Handled, reply: Buffer): void {
  if (to.write(reply)) return;
  from.pause();
  to.once('drain', () => from.resume());
}

function fail(call: Handled, { code, details, trailers = {} }: Failure): void {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, value);
  call.emit('error', { code, details, metadata });
}

function definition(path: string) {
  return {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  } as const;
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
