import { isPosition } from '#contracts/position';
import { batches, type BatchOptions } from './batches.ts';
import { faultOf } from './client-fault.ts';
import { type Connection } from './connection.ts';
import { EventStoreUnavailable, UnusableAnswer } from './event-store-unavailable.ts';
import { type Position, type RecordedEvent } from './recorded-event.ts';
import { type StoreClient } from './store-client.ts';
import { type Attempt } from './until-known.ts';
import { type ReadMessage, readMessage } from './wire/read-message.ts';
import { allReadRequest, type AllReadRequest, streamReadRequest } from './wire/read-request.ts';

export type StreamRead =
  | { readonly outcome: 'found'; readonly events: readonly RecordedEvent[] }
  /** Never written, or soft-deleted: both accept a first event. */
  | { readonly outcome: 'missing' }
  | { readonly outcome: 'tombstoned' };

/** The newest place in the log, and whose: by its id the same place is told from one in another log. */
export interface Head extends Position {
  readonly eventId: string;
}

export interface ReadAllOptions {
  /** Exclusive; from the log's beginning where it is left out. */
  readonly after?: Position | undefined;
  /** Inclusive; to the log's end where it is left out. */
  readonly upTo?: Position | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads ask the leader, so that what was acknowledged before is among what they give. */
const LEADER = { requiresLeader: true };

/** Events from `fromRevision` (inclusive). */
export function readStream(stream: string, fromRevision: bigint, maxCount?: number): Attempt<StreamRead> {
  const request = streamReadRequest({ stream, fromRevision, maxCount });
  return async (client, silenceMs, { signal }) => {
    const events: RecordedEvent[] = [];
    try {
      for await (const batch of messages(client.read(request, LEADER), { silenceMs, signal })) {
        for (const message of batch) {
          if (message === 'not-found') return { outcome: 'missing' };
          if (typeof message === 'object') events.push(message);
        }
      }
    } catch (error) {
      const { kind } = faultOf(error);
      if (kind === 'missing' || kind === 'tombstoned') return { outcome: kind };
      throw error;
    }
    return { outcome: 'found', events };
  };
}

/** The newest position of `$all`; undefined while the log is empty. */
export function readHead(): Attempt<Head | undefined> {
  const readNewest = readOne({ from: 'end', backwards: true });
  return async (...attempt) => {
    const newest = await readNewest(...attempt);
    return newest === undefined ? undefined : { ...newest.position, eventId: newest.id };
  };
}

/** The event at exactly this position of `$all`, the system's own ones too; undefined: none is there. */
export function readEventAt(position: Position): Attempt<RecordedEvent | undefined> {
  const readNext = readOne({ from: position });
  return async (...attempt) => {
    const next = await readNext(...attempt);
    return next?.position.commit === position.commit ? next : undefined;
  };
}

function readOne(from: AllReadRequest): Attempt<RecordedEvent | undefined> {
  const request = allReadRequest({ ...from, maxCount: 1 });
  return async (client, silenceMs, { signal }) => {
    let event: RecordedEvent | undefined;
    for await (const batch of messages(client.read(request, LEADER), { silenceMs, signal })) {
      event ??= batch.find(isEvent);
    }
    return event;
  };
}

/** `$all` in order, without the system's own events. Ends with EventStoreUnavailable on any fault: go on from the last position. */
export async function* readAll(
  connection: Connection,
  silenceMs: number,
  { after, upTo, signal }: ReadAllOptions,
): AsyncGenerator<RecordedEvent[], void, void> {
  const call = connection.client().read(allReadRequest({ from: after }), LEADER);
  try {
    for await (const batch of messages(call, { silenceMs, signal })) {
      const events = batch.filter(isEvent);
      const wanted = events.filter(
        (event) => isOurs(event) && isAfter(event.position, after) && !isAfter(event.position, upTo, false),
      );
      if (wanted.length > 0) yield wanted;
      if (events.some((event) => isAfter(event.position, upTo, false))) return;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof EventStoreUnavailable) throw error;
    throw new EventStoreUnavailable('Reading the log failed.', { cause: error });
  }
}

/** Tombstones, stream metadata and the server's statistics travel in `$all` too, some within our own streams. */
export function isOurs(event: RecordedEvent): boolean {
  return !event.type.startsWith('$') && !event.stream.startsWith('$');
}

/** Compares places in the log; `otherwise` is the answer where there is no second one. */
export function isAfter(position: Position, other: Position | undefined, otherwise = true): boolean {
  return other === undefined ? otherwise : position.commit > other.commit;
}

export function isEvent(message: ReadMessage): message is RecordedEvent {
  return typeof message === 'object';
}

/** What arrives from a call of `StoreClient.read`, in order and as it comes. */
export async function* messages(
  call: ReturnType<StoreClient['read']>,
  options: BatchOptions,
): AsyncGenerator<ReadMessage[], void, void> {
  for await (const batch of batches(call, options)) yield batch.map(checked);
}

/** Very old servers send 2^64-1 for every position: nothing can be built on that. */
function checked(bytes: Buffer): ReadMessage {
  let message: ReadMessage;
  try {
    message = readMessage(bytes);
  } catch (error) {
    throw new UnusableAnswer('The event store sent what can’t be read.', { cause: error });
  }
  if (isEvent(message) && !(isPosition(message.position.commit) && isPosition(message.position.prepare))) {
    throw new UnusableAnswer('The event store sent an event without its position in the log.');
  }
  return message;
}
