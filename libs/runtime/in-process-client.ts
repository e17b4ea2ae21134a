import { ClientProxy, type MsPattern, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import { deadlineOf } from './delivery.ts';
import { DrainingSet } from './draining-set.ts';
import { type BusMessage, type BusReply, DRAIN_MS, type InProcessBus } from './in-process-bus.ts';
import { RequestExpired, TransportClosed } from './request-errors.ts';
import { RequestRecord } from './request-record.ts';
import { decodeWireText, encodeWireText } from './wire-text.ts';

/** As many messages as one list holds at most. */
export const MAX_LIST = 512;

/**
 * The caller's side. Messages for one topic that are sent in the same turn of the event loop travel as one list. A request
 * fails with `RequestExpired` at its deadline, with `TransportClosed` when nobody is there to answer or this client was
 * closed, and with what the handler's service put on the wire otherwise. To unsubscribe is to give the request up.
 */
export class InProcessClient extends ClientProxy {
  readonly #bus: InProcessBus;
  readonly #drainMs: number;
  readonly #queues = new Map<string, BusMessage[]>();
  readonly #underWay = new DrainingSet<BusMessage>();
  #isClosed = false;

  /** `drainMs`: how long `close` waits for replies that are under way. */
  constructor(bus: InProcessBus, options: { readonly drainMs?: number } = {}) {
    super();
    this.#bus = bus;
    this.#drainMs = options.drainMs ?? DRAIN_MS;
  }

  connect(): Promise<void> {
    return this.#isClosed ? Promise.reject(new TransportClosed('This client was closed.')) : Promise.resolve();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#underWay.drained(this.#drainMs);
    for (const message of this.#underWay) message.reply({ failure: new TransportClosed('This client was closed.') });
  }

  override unwrap(): never {
    throw new Error('There is no broker behind the in-process client');
  }

  /** As `send`, without the Observable. */
  ask(pattern: string, record: RequestRecord, receive: (packet: WritePacket) => void): () => void {
    if (!this.#isClosed) return this.publish(this.createPacket(pattern, record), receive);
    receive({ err: new TransportClosed('This client was closed.'), isDisposed: true });
    return () => undefined;
  }

  protected publish(packet: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    const record = packet.data instanceof RequestRecord ? packet.data : new RequestRecord<unknown>(packet.data);
    const sentAtMs = Date.now();
    const deadlineMs = deadlineOf(record.options.deadlineMs, sentAtMs);
    let text: string | null;
    try {
      text = encodeWireText(record.request);
    } catch (fault) {
      callback({ err: fault });
      return () => undefined;
    }
    const end = () => {
      clearTimeout(timer);
      this.#underWay.delete(message);
    };
    const message: BusMessage = {
      kind: 'request',
      text,
      deadlineMs,
      reply: (reply) => {
        if (!this.#underWay.has(message)) return;
        const received = decodeReply(reply);
        if (received.isDisposed === true) end();
        callback(received);
      },
    };
    const expire = () => message.reply({ failure: new RequestExpired() });
    const timer = setTimeout(expire, deadlineMs - sentAtMs).unref();
    this.#underWay.add(message);
    if (deadlineMs > sentAtMs) this.#enqueue(packet, message);
    else expire();
    return end;
  }

  /** Resolves when the event was handed over, whatever its handlers then make of it. */
  protected dispatchEvent<T>(packet: ReadPacket): Promise<T> {
    return new Promise((resolve, reject) => {
      const message: BusMessage = {
        kind: 'event',
        text: encodeWireText(packet.data),
        deadlineMs: Infinity,
        reply: (reply) => {
          this.#underWay.delete(message);
          const { err } = decodeReply(reply) as { err?: Error };
          if (err === undefined) resolve(undefined as T);
          else reject(err);
        },
      };
      this.#underWay.add(message);
      this.#enqueue(packet, message);
    });
  }

  #enqueue({ pattern }: ReadPacket, message: BusMessage): void {
    const topic = this.normalizePattern(pattern as MsPattern);
    const queue = this.#queues.get(topic);
    if (queue === undefined) this.#queues.set(topic, [message]);
    else queue.push(message);
    // An immediate runs after all that this turn's sockets and promises bring: a burst of HTTP requests is one list.
    if (queue === undefined && this.#queues.size === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const queues = [...this.#queues];
    this.#queues.clear();
    for (const [topic, queue] of queues) {
      const wanted = queue.filter((message) => this.#underWay.has(message));
      for (let from = 0; from < wanted.length; from += MAX_LIST) {
        this.#bus.deliver(topic, wanted.slice(from, from + MAX_LIST));
      }
    }
  }
}

function decodeReply(reply: BusReply): WritePacket<unknown> {
  if ('failure' in reply) return { err: reply.failure, isDisposed: true };
  if ('err' in reply) return { err: decodeWireText(reply.err), isDisposed: true };
  return { response: decodeWireText(reply.response), isDisposed: reply.isDisposed };
}
