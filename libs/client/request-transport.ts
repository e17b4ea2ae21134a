import { type WritePacket } from '@nestjs/microservices';
import { type Observable, Subscription } from 'rxjs';
import { RequestExpired } from '#runtime/request-errors';
import { type RequestRecord } from '#runtime/request-record';

/** What is needed of Nest's ClientProxy: one of any transport will do. */
export interface RequestTransport {
  send(topic: string, record: RequestRecord): Observable<unknown>;
  /** Taken in the place of `send` where there is one: an Observable is a third of what a request costs its caller. */
  readonly ask?: Ask;
}

/**
 * Calls back with each packet that comes for the request, and with an error at the latest at its deadline; maybe before it
 * returns. Nothing comes after an `err` or `isDisposed`. What it returns gives the request up.
 */
export type Ask = (topic: string, record: RequestRecord, receive: (packet: WritePacket) => void) => () => void;

/** Of a transport that has only `send`: those keep no deadlines. */
export function askByObservable(transport: RequestTransport): Ask {
  return (topic, record, receive) => {
    const subscription = new Subscription();
    const receiveLast = (packet: WritePacket) => {
      subscription.unsubscribe();
      receive(packet);
    };
    const { deadlineMs } = record.options;
    if (deadlineMs !== undefined) {
      const expire = () => receiveLast({ err: new RequestExpired(), isDisposed: true });
      const timer = setTimeout(expire, deadlineMs - Date.now());
      subscription.add(() => clearTimeout(timer));
    }
    try {
      const replies = transport.send(topic, record).subscribe({
        next: (response: unknown) => receive({ response, isDisposed: false }),
        error: (err: unknown) => receiveLast({ err, isDisposed: true }),
        complete: () => receiveLast({ isDisposed: true }),
      });
      subscription.add(replies);
    } catch (err) {
      receiveLast({ err, isDisposed: true });
    }
    return () => subscription.unsubscribe();
  };
}
