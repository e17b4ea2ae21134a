import { NO_STREAM, type JSONEventData, type JSONType } from '@eventstore/db-client';
import { isPosition } from '#contracts/position';
import { faultOf } from './client-fault.ts';
import { type Connection } from './connection.ts';
import { EventStoreUnavailable, UnserialisableEvent } from './event-store-unavailable.ts';
import { readStream } from './read-events.ts';
import { type JsonObject, type NewEvent, type Position } from './recorded-event.ts';
import { bounded, type Attempt } from './until-known.ts';

export type AppendResult =
  /** `revision` and `position` are those of the last event. */
  | { readonly outcome: 'appended'; readonly revision: bigint; readonly position: Position }
  /** `actual`: the stream's last revision, where the server says it. Nothing was or will be stored. */
  | { readonly outcome: 'conflict'; readonly actual: bigint | undefined }
  | { readonly outcome: 'tombstoned' }
  | { readonly outcome: 'too-large' };

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The attempts of one append, all with the same ids and expected revision: by these the server recognises an append that it
 * has already stored. Throws UnserialisableEvent before any attempt.
 */
export function appendEvents(
  connection: Connection,
  stream: string,
  expected: bigint | 'none',
  events: readonly NewEvent[],
): Attempt<AppendResult> {
  if (events.length === 0) throw new RangeError('An append holds at least one event.');
  // The client fails at serialising a negative revision, only after it has taken the call.
  if (expected !== 'none' && expected < 0n) throw new RangeError('An expected revision is 0 or more, or "none".');
  const prepared = events.map(serialised);
  let ambiguous = false;

  return async (client, silenceMs, signal) => {
    const findStored = () => storedAlready(connection, stream, expected, events)(client, silenceMs, signal);
    try {
      const appending = client.appendToStream(stream, prepared, {
        expectedRevision: expected === 'none' ? NO_STREAM : expected,
        requiresLeader: true,
        deadline: Math.ceil(silenceMs),
      });
      const { nextExpectedRevision: revision, position } = await bounded(silenceMs, signal, () => appending);
      if (position !== undefined && isPosition(position.commit) && isPosition(position.prepare)) {
        return { outcome: 'appended', revision, position };
      }
      // A repetition that the server recognised may come without its position.
      const stored = await findStored();
      if (stored === undefined) throw new EventStoreUnavailable('The appended events could not be read back.');
      return stored;
    } catch (error) {
      const fault = faultOf(error);
      if (fault.kind === 'conflict') {
        // After an attempt with an unknown end the conflict may be with our own events: in a stream that was deleted and
        // recreated their revisions are not where the server looks for a repetition.
        const stored = ambiguous ? await findStored() : undefined;
        return stored ?? { outcome: 'conflict', actual: fault.actual };
      }
      if (fault.kind === 'tombstoned' || fault.kind === 'too-large') return { outcome: fault.kind };
      ambiguous = true;
      throw error;
    }
  };
}

function storedAlready(
  connection: Connection,
  stream: string,
  expected: bigint | 'none',
  events: readonly NewEvent[],
): Attempt<AppendResult | undefined> {
  const first = expected === 'none' ? 0n : expected + 1n;
  return async (client, silenceMs, signal) => {
    const read = await readStream(connection, stream, first, events.length)(client, silenceMs, signal);
    if (read.outcome !== 'found' || read.events.length !== events.length) return undefined;
    const last = read.events.at(-1);
    const same = read.events.every(({ id }, index) => id === events[index]?.id);
    return same && last !== undefined
      ? { outcome: 'appended', revision: last.revision, position: last.position }
      : undefined;
  };
}

/** The client serialises where nobody catches what it throws, so only what is sure to be JSON reaches it. */
function serialised({ id, type, data, metadata }: NewEvent): JSONEventData {
  if (!UUID.test(id)) throw new UnserialisableEvent(`The id of an event of type ${type} is no UUID.`);
  return {
    id,
    type,
    contentType: 'application/json',
    data: asJson(data, type),
    metadata: asJson(metadata, type),
  };
}

function asJson(value: JsonObject, type: string): JSONType & Record<string, unknown> {
  try {
    return JSON.parse(JSON.stringify(value)) as JSONType & Record<string, unknown>;
  } catch (error) {
    throw new UnserialisableEvent(`An event of type ${type} is no JSON.`, { cause: error });
  }
}
