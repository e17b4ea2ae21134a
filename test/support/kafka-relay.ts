import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Numbers of the protocol: https://kafka.apache.org/protocol */
const FIND_COORDINATOR = 10;
const JOIN_GROUP = 11;
const COORDINATOR_LOAD_IN_PROGRESS = 14;
const COORDINATOR_NOT_AVAILABLE = 15;
const REQUEST_ID_AT = 8;

/**
 * A relay in front of a real broker on the loopback interface that its clients stay on: where the broker names its own
 * address, they read the relay's. It can answer in the broker's place as one does that has just started and has no
 * coordinator for groups yet, or one that is still reading who is in which, and it can let connections end in the middle
 * of an answer, or stay open without another one.
 */
export class KafkaRelay {
  /** How often a client has been told to wait. */
  refusals = 0;
  /** How many connections have ended in the middle of an answer. */
  cuts = 0;
  readonly #broker: { readonly host: string; readonly port: number };
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  readonly #muted = new WeakSet<Socket>();
  /** In the broker's place, by the request's number in the protocol. */
  #refuse: { readonly asked: number; readonly untilRefusals: number; readonly answer: (request: Buffer) => Buffer } = {
    asked: JOIN_GROUP,
    untilRefusals: 0,
    answer: joinRefused,
  };
  #cutsUntil = 0;

  private constructor(broker: string) {
    const [host = '', port = ''] = broker.split(':');
    this.#broker = { host, port: Number(port) };
    this.#listener = createServer((client) => this.#relay(client));
  }

  /** `broker`: `host:port` */
  static async open(broker: string): Promise<KafkaRelay> {
    const relay = new KafkaRelay(broker);
    relay.#listener.listen(0, relay.#broker.host);
    await once(relay.#listener, 'listening');
    return relay;
  }

  get brokers(): readonly [string] {
    return [`${this.#broker.host}:${this.#port}`];
  }

  /** Whoever would join a group is told that the groups are still being read, this many times from now on. */
  refuseJoins(times: number): void {
    this.#refuse = { asked: JOIN_GROUP, untilRefusals: this.refusals + times, answer: joinRefused };
  }

  /** Whoever asks who coordinates a group is told that nobody does yet, this many times from now on. */
  refuseCoordinators(times: number): void {
    this.#refuse = { asked: FIND_COORDINATOR, untilRefusals: this.refusals + times, answer: coordinatorRefused };
  }

  /** This many answers from now on are delivered by half; then their connection ends. */
  cutAnswers(times: number): void {
    this.#cutsUntil = this.cuts + times;
  }

  /** On the connections of now nothing is answered any more; new ones are like any. */
  mute(): void {
    for (const socket of this.#sockets) this.#muted.add(socket);
  }

  async close(): Promise<void> {
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  get #port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  #relay(client: Socket): void {
    const server = connect(this.#broker);
    const own = this.#address(this.#port);
    const brokers = this.#address(this.#broker.port);
    onFrames(client, (frame) => {
      const { asked, untilRefusals, answer } = this.#refuse;
      if (frame.readInt16BE(4) === asked && this.refusals < untilRefusals) {
        this.refusals += 1;
        client.write(answer(frame));
      } else server.write(frame);
    });
    onFrames(server, (frame) => {
      if (client.writableEnded || this.#muted.has(client)) return;
      const answer = replaced(frame, brokers, own);
      if (this.cuts < this.#cutsUntil) {
        this.cuts += 1;
        client.end(answer.subarray(0, answer.length / 2));
      } else client.write(answer);
    });
    for (const [end, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(end);
      end.on('error', () => other.destroy());
      end.on('close', () => {
        other.destroy();
        this.#sockets.delete(end);
      });
    }
  }

  /** As the broker's answers have it, whichever way they write the length before it. */
  #address(port: number): Buffer {
    const number = Buffer.alloc(4);
    number.writeInt32BE(port);
    return Buffer.concat([Buffer.from(this.#broker.host), number]);
  }
}

/** Requests and answers begin with the bytes that follow, in four bytes. */
function onFrames(socket: Socket, receive: (frame: Buffer) => void): void {
  let left = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    left = Buffer.concat([left, chunk]);
    while (left.length >= 4 && left.length >= 4 + left.readInt32BE(0)) {
      const end = 4 + left.readInt32BE(0);
      receive(left.subarray(0, end));
      left = left.subarray(end);
    }
  });
}

/** JoinGroup, versions 2 to 5, which are what kafkajs speaks: throttle, error, generation, protocol, leader, member, members. */
function joinRefused(request: Buffer): Buffer {
  const version = request.readInt16BE(6);
  if (version < 2 || version > 5) throw new Error(`JoinGroup of version ${version} is not known here`);
  const answer = Buffer.alloc(4 + 4 + 4 + 2 + 4 + 2 + 2 + 2 + 4);
  answer.writeInt32BE(answer.length - 4);
  request.copy(answer, 4, REQUEST_ID_AT, REQUEST_ID_AT + 4);
  answer.writeInt16BE(COORDINATOR_LOAD_IN_PROGRESS, 12);
  answer.writeInt32BE(-1, 14);
  return answer;
}

/** FindCoordinator, versions 1 and 2, which are what kafkajs speaks: throttle, error, its text, node, host, port. */
function coordinatorRefused(request: Buffer): Buffer {
  const version = request.readInt16BE(6);
  if (version < 1 || version > 2) throw new Error(`FindCoordinator of version ${version} is not known here`);
  const answer = Buffer.alloc(4 + 4 + 4 + 2 + 2 + 4 + 2 + 4);
  answer.writeInt32BE(answer.length - 4);
  request.copy(answer, 4, REQUEST_ID_AT, REQUEST_ID_AT + 4);
  answer.writeInt16BE(COORDINATOR_NOT_AVAILABLE, 12);
  answer.writeInt16BE(-1, 14);
  answer.writeInt32BE(-1, 16);
  answer.writeInt32BE(-1, 22);
  return answer;
}

function replaced(frame: Buffer, from: Buffer, to: Buffer): Buffer {
  const copy = Buffer.from(frame);
  for (let at = copy.indexOf(from); at >= 0; at = copy.indexOf(from, at + to.length)) to.copy(copy, at);
  return copy;
}
