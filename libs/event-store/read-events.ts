import {
  BACKWARDS,
  END,
  FORWARDS,
  START,
  type ReadAllOptions as ReadAllOptionsOfClient,
  type ReadRevision,
  type ResolvedEvent,
} from '@eventstore/db-client';
import { isPosition } from '#contracts/position';
import { MAX_BATCH, batches } from './batches.ts';
import { faultOf } from './client-fault.ts';
import { type Connection } from './connection.ts';
import { EventStoreUnavailable, UnusableAnswer } from './event-store-unavailable.ts';
import { type Position, type RecordedEvent } from './recorded-event.ts';
import { type Attempt } from './until-known.ts';

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

const BUFFERED = { highWaterMark: MAX_BATCH };

/** Events from `fromRevision` (inclusive), by the leader, so that what was acknowledged before is among them. */
export function readStream(
  connection: Connection,
  stream: string,
  fromRevision: bigint,
  maxCount?: number,
): Attempt<StreamRead> {
  return async (client, silenceMs, signal) => {
    const from: ReadRevision = fromRevision === 0n ? START : fromRevision;
    const limit = maxCount === undefined ? {} : { maxCount };
    const call = client.readStream(stream, { fromRevision: from, requiresLeader: true, ...limit }, BUFFERED);
    const events: RecordedEvent[] = [];
    try {
      for await (const batch of batches<ResolvedEvent>(call, () => call.cancel(), { silenceMs, signal })) {
        for (const resolved of batch) events.push(...recorded(resolved));
      }
    } catch (error) {
      const { kind } = faultOf(error);
      if (kind === 'missing' || kind === 'tombstoned') return { outcome: kind };
      throw error;
    }
    connection.requireLive(client);
    return { outcome: 'found', events };
  };
}

/** The newest position of `$all`, by the leader; undefined while the log is empty. */
export function readHead(connection: Connection): Attempt<Head | undefined> {
  const readNewest = readOne(connection, { direction: BACKWARDS, fromPosition: END });
  return async (...attempt) => {
    const newest = await readNewest(...attempt);
    return newest === undefined ? undefined : { ...newest.position, eventId: newest.id };
  };
}

/** The event at exactly this position of `$all`, the system's own ones too, by the leader; undefined: none is there. */
export function readEventAt(connection: Connection, position: Position): Attempt<RecordedEvent | undefined> {
  const { commit, prepare } = position;
  const readNext = readOne(connection, { direction: FORWARDS, fromPosition: { commit, prepare } });
  return async (...attempt) => {
    const next = await readNext(...attempt);
    return next?.position.commit === commit ? next : undefined;
  };
}

function readOne(connection: Connection, options: ReadAllOptionsOfClient): Attempt<RecordedEvent | undefined> {
  return async (client, silenceMs, signal) => {
    const call = client.readAll({ ...options, maxCount: 1, requiresLeader: true });
    let event: RecordedEvent | undefined;
    for await (const batch of batches<ResolvedEvent>(call, () => call.cancel(), { silenceMs, signal })) {
      event = batch.flatMap(recorded).at(0);
    }
    connection.requireLive(client);
    return event;
  };
}

/** `$all` in order, without the system's own events. Ends with EventStoreUnavailable on any fault: go on from the last position. */
export async function* readAll(
  connection: Connection,
  silenceMs: number,
  { after, upTo, signal }: ReadAllOptions,
): AsyncGenerator<RecordedEvent[], void, void> {
  const client = connection.client();
  const call = client.readAll({ fromPosition: after ?? START, requiresLeader: true }, BUFFERED);
  try {
    for await (const batch of batches<ResolvedEvent>(call, () => call.cancel(), { silenceMs, signal })) {
      const events = batch.flatMap(recorded);
      const wanted = events.filter(
        (event) => isOurs(event) && isAfter(event.position, after) && !isAfter(event.position, upTo, false),
      );
      if (wanted.length > 0) yield wanted;
      if (events.some((event) => isAfter(event.position, upTo, false))) return;
    }
    connection.requireLive(client);
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

/** None where a link's target is gone. Very old servers send 2^64-1 for every position: nothing can be built on that. */
export function recorded({ event }: ResolvedEvent): RecordedEvent[] {
  if (event === undefined) return [];
  const { position } = event;
  if (position === undefined || !isPosition(position.commit) || !isPosition(position.prepare)) {
    throw new UnusableAnswer('The event store sent an event without its position in the log.');
  }
  return [
    {
      id: event.id,
      type: event.type,
      stream: event.streamId,
      revision: event.revision,
      position,
      data: event.data,
      metadata: event.metadata,
      createdMs: event.created.getTime(),
    },
  ];
}
