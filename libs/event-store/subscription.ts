import { START, streamNameFilter, type AllStreamResolvedEvent, type EventStoreDBClient } from '@eventstore/db-client';
import { backOffMs, pause, type BackOff } from './back-off.ts';
import { MAX_BATCH, batches } from './batches.ts';
import { faultOf } from './client-fault.ts';
import { type Connection } from './connection.ts';
import { EventStoreUnavailable } from './event-store-unavailable.ts';
import { isAfter, isOurs, recorded } from './read-events.ts';
import { type Position, type RecordedEvent } from './recorded-event.ts';

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
 * behind the log's head for ever, and a listener for them that throws would stall the subscription unnoticed.
 */
async function follow(
  client: EventStoreDBClient,
  { confirmMs }: SubscriptionTimeouts,
  { prefixes, after, onBatch, signal, onState }: SubscribeOptions,
  onProgress: () => void,
): Promise<void> {
  const start = after();
  const filter = streamNameFilter({ prefixes, checkpointInterval: CHECKPOINT_INTERVAL });
  const call = client.subscribeToAll({ fromPosition: start ?? START, filter }, { highWaterMark: MAX_BATCH });
  const unconfirmed = setTimeout(
    () => call.destroy(new EventStoreUnavailable(`No subscription was confirmed within ${confirmMs} ms.`)),
    confirmMs,
  );
  call.on('confirmation', () => {
    clearTimeout(unconfirmed);
    onState?.('connected');
  });

  let taken = 0;
  let handled = 0;
  let liveAt = Infinity;
  const announceLive = () => {
    if (handled < liveAt) return;
    liveAt = Infinity;
    onProgress();
    onState?.('live');
  };
  // The message overtakes the events that wait in the buffer: it counts once these are handled.
  call.on('caughtUp', () => {
    liveAt = taken + call.readableLength;
    announceLive();
  });
  call.on('fellBehind', () => onState?.('connected'));

  try {
    const counted = { signal, onTaken: () => (taken += 1) };
    for await (const batch of batches<AllStreamResolvedEvent>(call, () => call.unsubscribe(), counted)) {
      const events = batch.flatMap(recorded).filter((event) => isOurs(event) && isAfter(event.position, start));
      if (events.length > 0) await handle(onBatch, events);
      handled += batch.length;
      onProgress();
      announceLive();
    }
    throw new EventStoreUnavailable('The event store ended the subscription.');
  } finally {
    clearTimeout(unconfirmed);
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
