import { Bound } from './bound.ts';
import { backOffMs, pause, type BackOff } from './back-off.ts';
import { faultOf } from './client-fault.ts';
import { type Connection } from './connection.ts';
import { EventStoreUnavailable } from './event-store-unavailable.ts';
import { type StoreClient } from './store-client.ts';

/** Beyond it `setTimeout` fires at once. A deadline may be further away, or never. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface CallOptions {
  /** Epoch ms after which no attempt begins and none is waited for. */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Timeouts {
  /** For a whole call, where the caller names no deadline. */
  readonly callMs: number;
  /** How long a server that says nothing is waited for, before it is asked again over a new connection. */
  readonly silenceMs: number;
  readonly backOff: BackOff;
}

/** One attempt. It throws once nothing has arrived for `silenceMs`, and lets go when `bound` ends. */
export type Attempt<T> = (client: StoreClient, silenceMs: number, bound: Bound) => Promise<T>;

/**
 * Makes attempts until one is answered, the server refuses, the deadline passes or the caller aborts; the last three throw
 * EventStoreUnavailable (an abort: its reason). Time is measured by the monotonic clock, so a clock that is set while
 * we wait changes nothing.
 */
export async function untilKnown<T>(
  operation: string,
  connection: Connection,
  timeouts: Timeouts,
  { deadlineMs, signal }: CallOptions,
  attempt: Attempt<T>,
): Promise<T> {
  const endMs = performance.now() + (deadlineMs === undefined ? timeouts.callMs : deadlineMs - Date.now());
  let last: unknown;
  for (let failures = 0; ; failures += 1) {
    signal?.throwIfAborted();
    const leftMs = Math.min(endMs - performance.now(), LONGEST_TIMER_MS);
    if (leftMs <= 0) {
      throw new EventStoreUnavailable(`The event store gave no answer to ${operation} in time.`, { cause: last });
    }
    const client = connection.client();
    try {
      return await bounded(leftMs, signal, (own) => attempt(client, Math.min(leftMs, timeouts.silenceMs), own));
    } catch (error) {
      signal?.throwIfAborted();
      const fault = faultOf(error);
      if (fault.kind === 'refused') {
        throw new EventStoreUnavailable(`The event store refused ${operation}.`, { cause: error });
      }
      if (fault.kind === 'unknown' && fault.reconnect) connection.replace(client);
      last = error;
    }
    await pause(Math.min(backOffMs(timeouts.backOff, failures), Math.max(0, endMs - performance.now())), signal);
  }
}

/** Ends what takes longer than `ms`, and waits no longer for it: not every call heeds its bound. */
export function bounded<T>(ms: number, outer: AbortSignal | undefined, work: (bound: Bound) => Promise<T>): Promise<T> {
  // A signal that has aborted tells nobody any more.
  if (outer?.aborted === true) return Promise.reject(outer.reason as Error);
  return new Promise((resolve, reject) => {
    const bound = new Bound();
    const end = (reason: Error) => {
      settle();
      bound.end(reason);
      reject(reason);
    };
    const abort = () => end(outer?.reason as Error);
    const timer = setTimeout(() => end(new EventStoreUnavailable(`No answer within ${Math.ceil(ms)} ms.`)), ms);
    const settle = () => {
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
    };
    outer?.addEventListener('abort', abort);
    work(bound).finally(settle).then(resolve, reject);
  });
}
