import { NO_MESSAGE_HANDLER } from '@nestjs/microservices/constants.js';
import { TransportClosed } from './request-errors.ts';

/** How long the two sides wait for what is under way when they are closed. */
export const DRAIN_MS = 5_000;

/** One message on its way; its payload is wire text. An event's deadline is Infinity. */
export interface BusMessage {
  readonly kind: 'request' | 'event';
  readonly text: string | null;
  readonly deadlineMs: number;
  /** For a request, what its handler answers; for an event, that it was handed over. */
  readonly reply: (reply: BusReply) => void;
}

/** The texts of what Nest calls a WritePacket, or why there is none. */
export type BusReply =
  | { readonly response: string | null; readonly isDisposed: boolean }
  | { readonly err: string }
  | { readonly failure: Error };

/** The server's side of the bus. */
export interface BusServer {
  readonly isListening: boolean;
  /** Whether the server has a handler for the topic, and of which kind. */
  handles(topic: string): 'requests' | 'events' | undefined;
  receive(topic: string, messages: readonly BusMessage[]): void;
}

/** What takes Kafka's place inside one process: the servers that were made on it. */
export class InProcessBus {
  readonly #servers = new Set<BusServer>();

  attach(server: BusServer): void {
    this.#servers.add(server);
  }

  /** Every listening server that knows the topic gets the messages, as Kafka's consumer groups would. */
  deliver(topic: string, messages: readonly BusMessage[]): void {
    const known = [...this.#servers].filter((server) => server.handles(topic) !== undefined);
    const listening = known.filter((server) => server.isListening);
    const failure = listening.length === 0 ? this.#failure(known) : undefined;
    for (const message of messages) {
      if (failure !== undefined) message.reply(failure);
      else if (message.kind === 'event') message.reply({ response: null, isDisposed: true });
    }
    for (const server of listening) server.receive(topic, messages);
  }

  /** Whether a request on the topic would be answered by another server as well. */
  hasRival(server: BusServer, topic: string): boolean {
    return [...this.#servers].some((other) => {
      return other !== server && other.isListening && other.handles(topic) === 'requests';
    });
  }

  #failure(known: readonly BusServer[]): BusReply {
    const isAnyListening = [...this.#servers].some((server) => server.isListening);
    return known.length === 0 && isAnyListening ? { err: NO_MESSAGE_HANDLER } : { failure: new TransportClosed() };
  }
}
