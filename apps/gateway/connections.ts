import { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Socket } from 'node:net';

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Connection {
  /** Requests whose answers are still owed, in order; the last one may still be arriving. */
  readonly open: Set<Exchange>;
  latest: Exchange | undefined;
  isUnreadable: boolean;
}

/**
 * What is under way on each connection, which Node keeps to itself: what must be answered before an end of ours, and
 * what need not be waited for.
 */
export class Connections {
  readonly #server: Server;
  readonly #connections = new Map<Socket, Connection>();
  #isClosing = false;

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => this.#onConnection(socket));
    // Before the handler, which may have answered by the time it returns.
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#onRequest({ request, response });
    });
  }

  /**
   * For the time when the server closes: lets whole requests be answered, ends everything else at once, and what is still
   * there after `withinMs`. A connection that has sent nothing, or half a request, would hold the end up otherwise.
   */
  close(withinMs: number): void {
    this.#isClosing = true;
    for (const [socket, connection] of this.#connections) if (!isOwed(connection)) socket.destroy();
    const hangUp = setTimeout(() => this.#server.closeAllConnections(), withinMs).unref();
    this.#server.once('close', () => clearTimeout(hangUp));
  }

  /**
   * Node's parser gave up on this connection: what came before is answered first, then `refuse` is called, if what can't
   * be read has not been answered already.
   */
  giveUp(socket: Socket, refuse: () => void): void {
    const connection = this.#connections.get(socket);
    // Each further packet is another error to the parser.
    if (connection?.isUnreadable === true) return;
    if (connection !== undefined) connection.isUnreadable = true;
    this.#whenAnswered(connection, () => {
      const latest = connection?.latest;
      const isAnswered = latest !== undefined && !latest.request.complete && latest.response.headersSent;
      if (isAnswered || !socket.writable) socket.destroySoon();
      else refuse();
    });
  }

  #whenAnswered(connection: Connection | undefined, act: () => void): void {
    const owed = [...(connection?.open ?? [])].find(isWhole);
    if (owed === undefined) act();
    else owed.response.once('close', () => this.#whenAnswered(connection, act));
  }

  #onConnection(socket: Socket): void {
    if (this.#isClosing) {
      socket.destroy();
      return;
    }
    this.#connections.set(socket, { open: new Set(), latest: undefined, isUnreadable: false });
    socket.once('close', () => this.#connections.delete(socket));
  }

  #onRequest(exchange: Exchange): void {
    const { socket } = exchange.request;
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    connection.latest = exchange;
    connection.open.add(exchange);
    exchange.response.once('close', () => {
      connection.open.delete(exchange);
      // Its answer may have promised to keep the connection before the end was known.
      if (this.#isClosing && !isOwed(connection)) socket.destroySoon();
    });
  }
}

/** Whether a request has arrived whole and has no whole answer yet. */
function isOwed({ open }: Connection): boolean {
  return [...open].some(isWhole);
}

function isWhole({ request }: Exchange): boolean {
  return request.complete;
}
