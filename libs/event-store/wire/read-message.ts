import protobuf from 'protobufjs/minimal.js';
import { type RecordedEvent } from '../recorded-event.ts';
import { bigint, ended, endOf, type Reader, uuid } from './fields.ts';

/** One message of a read or a subscription: an event, or what the server says about the call. `other` means nothing here. */
export type ReadMessage = RecordedEvent | 'confirmed' | 'caught-up' | 'fell-behind' | 'not-found' | 'other';

// Tags (field number and wire type) of streams.proto: ReadResp, ReadResp.ReadEvent and ReadResp.ReadEvent.RecordedEvent.
const EVENT = 0x0a;
const CONFIRMATION = 0x12;
const STREAM_NOT_FOUND = 0x22;
const CAUGHT_UP = 0x42;
const FELL_BEHIND = 0x4a;
const RESOLVED_EVENT = 0x0a;
const ID = 0x0a;
const STREAM_IDENTIFIER = 0x12;
const REVISION = 0x18;
const PREPARE = 0x20;
const COMMIT = 0x28;
const METADATA_ENTRY = 0x32;
const CUSTOM_METADATA = 0x3a;
const DATA = 0x42;
const MAP_KEY = 0x0a;
const MAP_VALUE = 0x12;
const STREAM_NAME = 0x1a;

const TICKS_PER_MS = 10_000n;

/**
 * Reads a `ReadResp` straight into what is used of it, at a third of what the client takes for it: the generated classes
 * and their conversion are most of the cost of a replay. Gives what the client gives for the same bytes; a spec compares
 * them. Unknown fields are passed over. @throws Error for bytes that are no such message
 */
export function readMessage(bytes: Uint8Array): ReadMessage {
  const reader = protobuf.Reader.create(bytes);
  let message: ReadMessage = 'other';
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === EVENT) message = resolvedEvent(reader, endOf(reader, reader.len));
    else {
      message = SIGNALS.get(tag) ?? message;
      reader.skipType(tag & 7);
    }
  }
  return message;
}

const SIGNALS = new Map<number, ReadMessage>([
  [CONFIRMATION, 'confirmed'],
  [STREAM_NOT_FOUND, 'not-found'],
  [CAUGHT_UP, 'caught-up'],
  [FELL_BEHIND, 'fell-behind'],
]);

/** Links are not followed. `other`: the link's target is gone. */
function resolvedEvent(reader: Reader, end: number): RecordedEvent | 'other' {
  let event: RecordedEvent | 'other' = 'other';
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === RESOLVED_EVENT) event = recordedEvent(reader, endOf(reader, end));
    else reader.skipType(tag & 7);
  }
  ended(reader, end);
  return event;
}

function recordedEvent(reader: Reader, end: number): RecordedEvent {
  let id: string | undefined;
  let stream: string | undefined;
  let revision = 0n;
  let prepare = 0n;
  let commit = 0n;
  let type = '<no-event-type-provided>';
  let isJson = false;
  let createdMs = 0;
  let metadata: Uint8Array = NOTHING;
  let data: Uint8Array = NOTHING;
  while (reader.pos < end) {
    const tag = reader.uint32();
    switch (tag) {
      case ID:
        id = uuid(reader, endOf(reader, end));
        break;
      case STREAM_IDENTIFIER:
        stream = streamName(reader, endOf(reader, end));
        break;
      case REVISION:
        revision = bigint(reader.uint64());
        break;
      case PREPARE:
        prepare = bigint(reader.uint64());
        break;
      case COMMIT:
        commit = bigint(reader.uint64());
        break;
      case METADATA_ENTRY: {
        const [key, value] = entry(reader, endOf(reader, end));
        if (key === 'type') type = value;
        else if (key === 'content-type') isJson = value === 'application/json';
        else if (key === 'created') createdMs = msOf(value);
        break;
      }
      case CUSTOM_METADATA:
        metadata = reader.bytes();
        break;
      case DATA:
        data = reader.bytes();
        break;
      default:
        reader.skipType(tag & 7);
    }
  }
  ended(reader, end);
  if (id === undefined || stream === undefined) throw new RangeError('An event has no id or no stream.');
  return {
    id,
    type,
    stream,
    revision,
    position: { commit, prepare },
    data: isJson ? json(data, textOf) : new Uint8Array(data),
    metadata: metadata.length === 0 ? undefined : json(metadata, (bytes) => new Uint8Array(bytes)),
    createdMs,
  };
}

const NOTHING = new Uint8Array();

function streamName(reader: Reader, end: number): string {
  let name = '';
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === STREAM_NAME) name = reader.string();
    else reader.skipType(tag & 7);
  }
  ended(reader, end);
  return name;
}

function entry(reader: Reader, end: number): [key: string, value: string] {
  let key = '';
  let value = '';
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === MAP_KEY) key = reader.string();
    else if (tag === MAP_VALUE) value = reader.string();
    else reader.skipType(tag & 7);
  }
  ended(reader, end);
  return [key, value];
}

/** @param ticks of 100 ns since 1970, decimal. What is no number is no time: 0. */
function msOf(ticks: string): number {
  try {
    return new Date(Number(BigInt(ticks) / TICKS_PER_MS)).getTime();
  } catch {
    return 0;
  }
}

function json(bytes: Uint8Array, otherwise: (bytes: Uint8Array) => unknown): unknown {
  try {
    return JSON.parse(textOf(bytes)) as unknown;
  } catch {
    return otherwise(bytes);
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
