import {
  BaseRpcContext,
  type CustomTransportStrategy,
  type MessageHandler,
  Server,
  type WritePacket,
} from '@nestjs/microservices';
import { type Delivery } from './delivery.ts';
import { DrainingSet } from './draining-set.ts';
import { type BusMessage, type BusReply, type BusServer, DRAIN_MS, type InProcessBus } from './in-process-bus.ts';
import { ListDispatch, type MessageContract, type Outcome, takesList } from './list-dispatch.ts';
import { TransportClosed } from './request-errors.ts';
import { decodeWireText, encodeWireText } from './wire-text.ts';

const IN_PROCESS = Symbol('in-process');

type Handler = MessageHandler<unknown, unknown, unknown>;

/** What `@Ctx()` gives; a list handler gets one for the whole list. */
export class InProcessContext extends BaseRpcContext<[topic: string]> {
  getTopic(): string {
    return this.args[0];
  }
}

/** `NestFactory.createMicroservice(AppModule, { strategy: new InProcessServer(bus, contract) })` */
export class InProcessServer extends Server implements CustomTransportStrategy, BusServer {
  override readonly transportId = IN_PROCESS;
  readonly #bus: InProcessBus;
  readonly #dispatch: ListDispatch;
  readonly #drainMs: number;
  readonly #underWay = new DrainingSet<BusMessage>();
  #isListening = false;

  /** `drainMs`: how long `close` waits for what is under way. */
  constructor(bus: InProcessBus, contract: MessageContract, options: { readonly drainMs?: number } = {}) {
    super();
    this.#bus = bus;
    this.#dispatch = new ListDispatch(contract);
    this.#drainMs = options.drainMs ?? DRAIN_MS;
    bus.attach(this);
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  /** How many requests were dropped because their deadline had passed. */
  get expired(): number {
    return this.#dispatch.expired;
  }

  listen(callback: (error?: Error) => void): void {
    const topics = [...this.messageHandlers.keys()].filter((topic) => this.handles(topic) === 'requests');
    const taken = topics.find((topic) => this.#bus.hasRival(this, topic));
    if (taken !== undefined) {
      callback(new Error(`Another server answers ${taken} already`));
      return;
    }
    this.#isListening = true;
    callback();
  }

  /** Takes nothing new, lets what is under way end, and tells the callers of what has not ended in time. */
  async close(): Promise<void> {
    this.#isListening = false;
    await this.#underWay.drained(this.#drainMs);
    for (const message of this.#underWay) this.#end(message, { failure: new TransportClosed() });
  }

  handles(topic: string): 'requests' | 'events' | undefined {
    const handler = this.getHandlerByPattern(topic);
    if (handler === null) return undefined;
    return handler.isEventHandler === true ? 'events' : 'requests';
  }

  receive(topic: string, messages: readonly BusMessage[]): void {
    const handler = this.getHandlerByPattern(topic);
    if (handler === null) return;
    const receivedAtMs = Date.now();
    for (const message of messages) this.#underWay.add(message);
    if (takesList(handler)) this.#receiveList(topic, handler, messages, receivedAtMs);
    else for (const message of messages) this.#receiveOne(topic, handler, message, receivedAtMs);
  }

  override on(): never {
    throw new Error('The in-process server has no events');
  }

  override unwrap(): never {
    throw new Error('There is no broker behind the in-process server');
  }

  #receiveList(topic: string, handler: Handler, messages: readonly BusMessage[], receivedAtMs: number): void {
    const context = new InProcessContext([topic]);
    const deliveries = messages.map((message) => deliveryOf(message, receivedAtMs));
    const settle = (index: number, outcome: Outcome) => {
      const message = messages[index];
      if (message === undefined) return;
      if (outcome.kind === 'expired') this.#end(message);
      else if (outcome.kind === 'error') this.#end(message, this.#encode({ err: outcome.error }));
      else this.#end(message, this.#encode({ response: outcome.reply, isDisposed: true }));
    };
    this.runWithProcessingHooks(context, async (runEndHook) => {
      await this.#dispatch.run({ topic, handler, context, messages: deliveries, settle });
      runEndHook();
    });
  }

  /** As in stock Nest, but that a request whose deadline has passed is dropped. */
  #receiveOne(topic: string, handler: Handler, message: BusMessage, receivedAtMs: number): void {
    const context = new InProcessContext([topic]);
    const delivery = deliveryOf(message, receivedAtMs);
    if (message.kind === 'event' || handler.isEventHandler === true) {
      const handled: Promise<unknown> = this.handleEvent(topic, { pattern: topic, data: delivery.request }, context);
      void handled
        .catch((error: unknown) => {
          this.logger.error(error);
        })
        .finally(() => {
          this.#end(message);
        });
      return;
    }
    if (this.#dispatch.isExpired(delivery)) {
      this.#end(message);
      return;
    }
    const result: Promise<unknown> = handler(delivery.request, context);
    const response$ = this.transformToObservable(result);
    this.handleRequest(
      context,
      () => Promise.resolve(response$),
      (packet) => {
        const reply = this.#encode(packet);
        if (packet.isDisposed === true || 'err' in reply) this.#end(message, reply);
        else message.reply(reply);
      },
    );
  }

  #end(message: BusMessage, reply?: BusReply): void {
    this.#underWay.delete(message);
    if (reply !== undefined && message.kind === 'request') message.reply(reply);
  }

  /** A falsy error is a success without a value, as on Kafka. */
  #encode({ err, response, isDisposed }: WritePacket<unknown>): BusReply {
    const thrown: unknown = err;
    try {
      if (!thrown) return { response: encodeWireText(response), isDisposed: isDisposed === true };
      return { err: errorText(this.#dispatch.publicError(thrown)) };
    } catch (fault) {
      return { err: errorText(this.#dispatch.publicError(fault)) };
    }
  }
}

function deliveryOf({ text, deadlineMs }: BusMessage, receivedAtMs: number): Delivery<unknown> {
  return { request: decodeWireText(text), receivedAtMs, deadlineMs };
}

/** As Nest puts an error into a Kafka header: text as it is, all else as JSON. */
function errorText(error: unknown): string {
  return typeof error === 'string' ? error : JSON.stringify(error);
}
