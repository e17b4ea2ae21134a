import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface Chunk {
  readonly bytes: Buffer;
  readonly to: Socket;
  readonly isRequest: boolean;
}

/** A TCP relay that can stop after any piece of the conversation, to have something happen at that very step. */
export class StepRelay {
  /** All requests that reached the server, in latin1. */
  requests = '';
  readonly #waiting: Chunk[] = [];
  readonly #news = new EventEmitter();
  readonly #sockets = new Set<Socket>();
  #allowed = Infinity;

  private constructor(private readonly listener: Server) {}

  static async open(port: number): Promise<StepRelay> {
    const listener = createServer();
    const relay = new StepRelay(listener);
    listener.on('connection', (client) => {
      const server = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        relay.#sockets.add(from);
        from.on('data', (bytes) => relay.#take({ bytes, to, isRequest: from === client }));
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
      }
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return relay;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  /** Lets that many more pieces through, of either direction. */
  stopAfter(pieces: number): void {
    this.#allowed = pieces;
  }

  /** Resolves when something waits that may not go on. */
  async stopped(): Promise<void> {
    while (this.#waiting.length === 0) await once(this.#news, 'waiting');
  }

  goOn(): void {
    this.#allowed = Infinity;
    this.#flush();
  }

  async close(): Promise<void> {
    const closed = once(this.listener, 'close');
    this.listener.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #take(chunk: Chunk): void {
    this.#waiting.push(chunk);
    this.#flush();
    if (this.#waiting.length > 0) this.#news.emit('waiting');
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#allowed > 0) {
      const { bytes, to, isRequest } = this.#waiting.shift()!;
      if (isRequest) this.requests += bytes.toString('latin1');
      to.write(bytes);
      this.#allowed -= 1;
    }
  }
}
