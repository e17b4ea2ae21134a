import { EventEmitter, once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * A TCP relay on a free loopback port, for faults between a client and a real server. Faults hold for live connections
 * and for new ones until they are lifted.
 */
export class TcpProxy {
  private readonly pairs = new Set<Pair>();
  private readonly held = new EventEmitter<{ reply: [] }>();
  private refusing = false;
  private withholding = false;

  private constructor(
    private readonly listener: Server,
    private readonly target: { readonly host: string; readonly port: number },
  ) {
    listener.on('connection', (client) => this.relay(client));
  }

  static async open(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
    const listener = createServer();
    const proxy = new TcpProxy(listener, target);
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  /** Resets every live connection, as a crashed peer would. New ones are served. */
  cut(): void {
    for (const { client, server } of this.pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** Cuts, and resets every new connection until `accept()`. */
  refuse(): void {
    this.refusing = true;
    this.cut();
  }

  accept(): void {
    this.refusing = false;
  }

  /** Live connections carry nothing more, either way, and stay open. New ones are served. */
  freeze(): void {
    for (const { client, server } of this.pairs) {
      client.pause();
      server.pause();
    }
  }

  /** Requests go through, replies are held back: what the server did stays unknown to the client. */
  withholdReplies(): void {
    this.withholding = true;
  }

  /** Resolves when a reply that contains the text is being held back. */
  async withheld(text: string): Promise<void> {
    const isThere = () => [...this.pairs].some(({ replies }) => Buffer.concat(replies).includes(text));
    while (!isThere()) await once(this.held, 'reply');
  }

  deliverReplies(): void {
    this.withholding = false;
    for (const { client, replies } of this.pairs) for (const chunk of replies.splice(0)) client.write(chunk);
  }

  async close(): Promise<void> {
    const closed = once(this.listener, 'close');
    this.listener.close();
    this.cut();
    await closed;
  }

  private relay(client: Socket): void {
    if (this.refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.target);
    const pair: Pair = { client, server, replies: [] };
    this.pairs.add(pair);
    client.on('data', (chunk) => server.write(chunk));
    client.on('end', () => server.end());
    server.on('data', (chunk) => {
      if (!this.withholding) return void client.write(chunk);
      pair.replies.push(chunk);
      this.held.emit('reply');
    });
    server.on('end', () => client.end());
    for (const [end, other] of [
      [client, server],
      [server, client],
    ] as const) {
      end.on('error', () => other.destroy());
      end.on('close', () => {
        other.destroy();
        this.pairs.delete(pair);
      });
    }
  }
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Those that are held back. */
  readonly replies: Buffer[];
}
