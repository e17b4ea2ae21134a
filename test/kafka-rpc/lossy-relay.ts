import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const PRODUCE = 0;

/**
 * A relay before one broker that can lose the acknowledgements of what is written: the broker has the records, and their
 * writer sees its connection end. It names itself wherever the broker names its own address, so that clients stay with it.
 */
export class LossyRelay {
  /** How many acknowledgements it has lost. */
  lost = 0;
  isLossy = false;
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  readonly #target: { readonly host: string; readonly port: number };

  private constructor(listener: Server, target: { readonly host: string; readonly port: number }) {
    this.#listener = listener;
    this.#target = target;
    listener.on('connection', (client) => this.#relay(client));
  }

  static async open(broker: string): Promise<LossyRelay> {
    const colon = broker.lastIndexOf(':');
    const listener = createServer();
    const relay = new LossyRelay(listener, { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return relay;
  }

  get broker(): string {
    return `${this.#target.host}:${this.#port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#listener.close();
    await once(this.#listener, 'close');
  }

  get #port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  #relay(client: Socket): void {
    const server = connect(this.#target.port, this.#target.host);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    const produced = new Set<number>();
    onFrame(client, (frame) => {
      if (frame.readInt16BE(4) === PRODUCE) produced.add(frame.readInt32BE(8));
      server.write(frame);
    });
    onFrame(server, (frame) => {
      if (produced.delete(frame.readInt32BE(4)) && this.isLossy) {
        this.lost += 1;
        client.destroy();
      } else client.write(this.#renamed(frame));
    });
  }

  /** An address is a host, as text behind its length, and a port in four bytes. */
  #renamed(frame: Buffer): Buffer {
    const host = Buffer.from(this.#target.host);
    for (let at = frame.indexOf(host); at >= 0; at = frame.indexOf(host, at + 1)) {
      const portAt = at + host.length;
      if (portAt + 4 <= frame.length && frame.readInt32BE(portAt) === this.#target.port) {
        frame.writeInt32BE(this.#port, portAt);
      }
    }
    return frame;
  }
}

/** Kafka's requests and responses alike are their length in four bytes, and as much. */
function onFrame(socket: Socket, tell: (frame: Buffer) => void): void {
  let held: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 4 && held.length >= 4 + held.readInt32BE(0)) {
      const end = 4 + held.readInt32BE(0);
      tell(Buffer.from(held.subarray(0, end)));
      held = held.subarray(end);
    }
  });
}
