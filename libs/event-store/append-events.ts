import { NO_STREAM, type JSONEventData, type JSONType } from '@eventstore/db-client';
import { isPosition } from '#contracts/position';
import { faultOf } from './client-fault.ts';
import { EventStoreUnavailable, UnserialisableEvent } from './event-store-unavailable.ts';
import { readStream } from './read-events.ts';
import { type JsonObject, type NewEvent, type Position } from './recorded-event.ts';
import { type StoreClient } from './store-client.ts';
import { bounded, type Attempt } from './until-known.ts';
import { type AppendAnswer } from './wire/append-answer.ts';
import { batchAppendBody, type ProposedEvent } from './wire/append-request.ts';

export type AppendResult =
  /** `revision` and `position` are those of the last event. */
  | { readonly outcome: 'appended'; readonly revision: bigint; readonly position: Position }
  /** `actual`: the stream's last revision, where the server says it. Nothing was or will be stored. */
  | { readonly outcome: 'conflict'; readonly actual: bigint | undefined }
  | { readonly outcome: 'tombstoned' }
  | { readonly outcome: 'too-large' };

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What is larger goes by a call of its own: it would hold up all that come behind it in the shared one. */
const MAX_SHARED_BYTES = 64 * 1024;

/**
 * The attempts of one append, all with the same ids and expected revision: by these the server recognises an append that it
 * has already stored. Throws UnserialisableEvent before any attempt.
 */
export function appendEvents(
  stream: string,
  expected: bigint | 'none',
  events: readonly NewEvent[],
): Attempt<AppendResult> {
  if (events.length === 0) throw new RangeError('An append holds at least one event.');
  // Neither way of appending can say a negative one.
  if (expected !== 'none' && expected < 0n) throw new RangeError('An expected revision is 0 or more, or "none".');
  const prepared = events.map(serialised);
  const body = batchAppendBody(stream, expected, prepared);
  let ambiguous = false;

  return async (client, silenceMs, bound) => {
    const findStored = () => storedAlready(stream, expected, events)(client, silenceMs, bound);
    try {
      const answer = await (body.length <= MAX_SHARED_BYTES
        ? client.append(body, silenceMs, bound)
        : bounded(silenceMs, bound.signal, () => appendAlone(client, stream, expected, prepared, silenceMs)));
      switch (answer.outcome) {
        case 'appended': {
          const { revision, position } = answer;
          if (position !== undefined && isPosition(position.commit) && isPosition(position.prepare)) {
            return { outcome: 'appended', revision, position };
          }
          // A repetition that the server recognised may come without its position.
          const stored = await findStored();
          if (stored === undefined) throw new EventStoreUnavailable('The appended events could not be read back.');
          return stored;
        }
        case 'conflict': {
          // After an attempt with an unknown end the conflict may be with our own events: in a stream that was deleted and
          // recreated their revisions are not where the server looks for a repetition.
          const stored = ambiguous ? await findStored() : undefined;
          return stored ?? answer;
        }
        case 'tombstoned':
        case 'too-large':
          return answer;
        case 'failed':
          throw new AppendFailed(answer);
      }
    } catch (error) {
      ambiguous = true;
      throw error;
    }
  };
}

/** The server's own word about one append, with gRPC's code for it. */
class AppendFailed extends Error {
  override readonly name = 'AppendFailed';
  readonly code: number;

  constructor({ code, message }: { readonly code: number; readonly message: string }) {
    super(message);
    this.code = code;
  }
}

async function appendAlone(
  client: StoreClient,
  stream: string,
  expected: bigint | 'none',
  events: readonly ProposedEvent[],
  silenceMs: number,
): Promise<AppendAnswer> {
  try {
    const { nextExpectedRevision, position } = await client.appendAlone(stream, events.map(forTheClient), {
      expectedRevision: expected === 'none' ? NO_STREAM : expected,
      requiresLeader: true,
      deadline: Math.ceil(silenceMs),
    });
    return { outcome: 'appended', revision: nextExpectedRevision, position };
  } catch (error) {
    const fault = faultOf(error);
    if (fault.kind === 'conflict') return { outcome: 'conflict', actual: fault.actual };
    if (fault.kind === 'tombstoned' || fault.kind === 'too-large') return { outcome: fault.kind };
    throw error;
  }
}

function storedAlready(
  stream: string,
  expected: bigint | 'none',
  events: readonly NewEvent[],
): Attempt<AppendResult | undefined> {
  const first = expected === 'none' ? 0n : expected + 1n;
  return async (client, silenceMs, bound) => {
    const read = await readStream(stream, first, events.length)(client, silenceMs, bound);
    if (read.outcome !== 'found' || read.events.length !== events.length) return undefined;
    const last = read.events.at(-1);
    const same = read.events.every(({ id }, index) => id === events[index]?.id);
    return same && last !== undefined
      ? { outcome: 'appended', revision: last.revision, position: last.position }
      : undefined;
  };
}

/** Before anything is sent: it is the caller's mistake, and must never look like a fault of the store. */
function serialised({ id, type, data, metadata }: NewEvent): ProposedEvent {
  if (!UUID.test(id)) throw new UnserialisableEvent(`The id of an event of type ${type} is no UUID.`);
  return { id, type, data: json(data, type), metadata: json(metadata, type) };
}

function json(value: JsonObject, type: string): string {
  try {
    const text = JSON.stringify(value) as string | undefined;
    if (text !== undefined) return text;
  } catch (error) {
    throw new UnserialisableEvent(`An event of type ${type} is no JSON.`, { cause: error });
  }
  throw new UnserialisableEvent(`An event of type ${type} is no JSON.`);
}

/** The client makes texts of its own, where nobody catches what fails at it; of what was a text it surely can. */
function forTheClient({ id, type, data, metadata }: ProposedEvent): JSONEventData {
  return {
    id,
    type,
    contentType: 'application/json',
    data: JSON.parse(data) as JsonOfClient,
    metadata: JSON.parse(metadata) as JsonOfClient,
  };
}

type JsonOfClient = JSONType & Record<string, unknown>;
