import { backOffMs, pause, type BackOff } from './back-off.ts';
import { faultOf } from './client-fault.ts';
import { type Connection } from './connection.ts';
import { EventStoreUnavailable } from './event-store-unavailable.ts';
import { isAfter, isEvent, isOurs, messages } from './read-events.ts';
import { type Position, type RecordedEvent } from './recorded-event.ts';
import { type StoreClient } from './store-client.ts';
import { type ReadMessage } from './wire/read-message.ts';
import { allSubscriptionRequest } from './wire/read-request.ts';

/** `connected`: events arrive. `live`: all that was there when it connected has been handled. `lost`: waiting to connect again. */
export type SubscriptionState = 'connected' | 'live' | 'lost';

export interface SubscribeOptions {
  /** Of stream names; the server leaves out all others. */
  readonly prefixes: string[];
  /** The handler's own checkpoint, asked for on every connection; undefined: from the log's beginning. */
  readonly after: () => Position | undefined;
  /** In the log's order; the next batch comes only when this one is resolved. A rejection is a fault like any other. */
  readonly onBatch: (events: RecordedEvent[]) => Promise<void>;
  readonly signal: AbortSignal;
  readonly onState?: (state: SubscriptionState, error?: unknown) => void;
}

export interface SubscriptionTimeouts {
  /** Until the server confirms a subscription. */
  readonly confirmMs: number;
  readonly backOff: BackOff;
}

/** Checkpoint messages are not used (see `follow`): as few of them as possible, one per this many times 32 events. */
const CHECKPOINT_INTERVAL = 1000;

/** Follows the log until it is aborted, over any number of connections. */
export async function subscribe(
  connection: Connection,
  timeouts: SubscriptionTimeouts,
  options: SubscribeOptions,
): Promise<void> {
  const { signal, onState } = options;
  for (let failures = 0; !aborted(signal) && !connection.closed; failures += 1) {
    const client = connection.client();
    try {
      await follow(client, timeouts, options, () => (failures = 0));
    } catch (error) {
      if (aborted(signal)) return;
      onState?.('lost', error);
      const fault = faultOf(error);
      if (!(error instanceof HandlerFailure) && fault.kind === 'unknown' && fault.reconnect) connection.replace(client);
    }
    await pause(backOffMs(timeouts.backOff, failures), signal);
  }
}

/**
 * One subscription, until it fails. Positions come from events only: the server's checkpoint messages may name 2^64-1, or lie
 * behind the log's head for ever.
 */
async function follow(
  client: StoreClient,
  { confirmMs }: SubscriptionTimeouts,
  { prefixes, after, onBatch, signal, onState }: SubscribeOptions,
  onProgress: () => void,
): Promise<void> {
  const start = after();
  const request = allSubscriptionRequest({ after: start, prefixes, checkpointInterval: CHECKPOINT_INTERVAL });
  const lost = new AbortController();
  const ended = AbortSignal.any([signal, lost.signal]);
  const unconfirmed = setTimeout(
    () => lost.abort(new EventStoreUnavailable(`No subscription was confirmed within ${confirmMs} ms.`)),
    confirmMs,
  );
  const announce = (message: ReadMessage) => {
    if (message === 'caught-up') onState?.('live');
    else if (message === 'confirmed' || message === 'fell-behind') onState?.('connected');
  };

  // While one batch is handled the next is fetched and decoded, no more: half of a replay's time is spent on either.
  let handling = Promise.resolve();
  const handleNext = async (events: RecordedEvent[]) => {
    await handling;
    if (events.length === 0) return;
    // It may have been called off meanwhile, by what was handled last among others.
    ended.throwIfAborted();
    handling = handle(onBatch, events).then(onProgress);
    handling.catch((failure: unknown) => lost.abort(failure));
  };

  try {
    const call = client.read(request, { requiresLeader: false });
    for await (const batch of messages(call, { signal: ended })) {
      clearTimeout(unconfirmed);
      // What the server says of the subscription holds where it stands among the events: they are handled up to there.
      let events: RecordedEvent[] = [];
      for (const message of batch) {
        if (isEvent(message)) {
          if (isOurs(message) && isAfter(message.position, start)) events.push(message);
        } else if (message !== 'other') {
          await handleNext(events);
          await handling;
          events = [];
          announce(message);
          if (message === 'caught-up') onProgress();
        }
      }
      await handleNext(events);
    }
    throw new EventStoreUnavailable('The event store ended the subscription.');
  } finally {
    clearTimeout(unconfirmed);
    await handling.catch(() => undefined);
  }
}

async function handle(onBatch: SubscribeOptions['onBatch'], events: RecordedEvent[]): Promise<void> {
  try {
    await onBatch(events);
  } catch (error) {
    throw new HandlerFailure('A batch of events could not be handled.', { cause: error });
  }
}

/** A call, because the compiler takes the loop's condition for still true behind an await. */
function aborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Tells the handler's faults, which no new connection mends, from the store's. */
class HandlerFailure extends Error {
  override readonly name = 'HandlerFailure';
}
