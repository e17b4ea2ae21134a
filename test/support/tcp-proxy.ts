import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * A TCP relay on a free loopback port, for faults between a client and a real server. Faults hold for live connections
 * and for new ones until they are lifted.
 */
export class TcpProxy {
  private readonly pairs = new Set<{ readonly client: Socket; readonly server: Socket }>();
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

  /** Requests go through, replies are held back: what the server did stays unknown to the client. */
  withholdReplies(): void {
    this.withholding = true;
    for (const { server } of this.pairs) server.pause();
  }

  deliverReplies(): void {
    this.withholding = false;
    for (const { server } of this.pairs) server.resume();
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
    const pair = { client, server };
    this.pairs.add(pair);
    forward(client, server);
    forward(server, client);
    // Attached by hand rather than by pipe(), which would resume a paused reply side at every drain.
    if (this.withholding) server.pause();
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

function forward(from: Socket, to: Socket): void {
  from.on('data', (chunk) => to.write(chunk));
  from.on('end', () => to.end());
}
