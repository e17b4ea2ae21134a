import protobuf from 'protobufjs/minimal.js';
import { type Expected } from '../append-rules.ts';
import { type ProposedEvent } from '../event.ts';

/** An append that came in one message. `correlationId` and `identifier` are the client's own bytes for them. */
export interface WholeAppend {
  readonly correlationId: Uint8Array;
  readonly identifier: Uint8Array;
  /** The correlation id as a UUID. */
  readonly id: string;
  readonly stream: string;
  readonly expected: Expected;
  readonly events: readonly ProposedEvent[];
}

type Reader = protobuf.Reader;

// Tags (field number and wire type) of streams.proto and shared.proto: BatchAppendReq, its Options and ProposedMessage; UUID.
// The client has them for itself: with one table for both, the two would agree on a mistake.
const CORRELATION_ID = 0x0a;
const OPTIONS = 0x12;
const PROPOSED_MESSAGE = 0x1a;
const IS_FINAL = 0x20;
const STREAM_IDENTIFIER = 0x0a;
const STREAM_POSITION = 0x10;
const NO_STREAM = 0x1a;
const STREAM_NAME = 0x1a;
const ID = 0x0a;
const METADATA_ENTRY = 0x12;
const CUSTOM_METADATA = 0x1a;
const DATA = 0x22;
const MAP_KEY = 0x0a;
const MAP_VALUE = 0x12;
const UUID_TEXT = 0x12;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Reads the one form of `BatchAppendReq` that an append mostly has: whole, at a revision or to a new stream, without a
 * deadline. Each field is there once, and nothing else. All other messages, and all that a client may not say, are
 * `undefined` here and left to the generated classes, which take five times as long. So this only has to be right about
 * what it takes; a spec compares that with them.
 */
export function wholeAppend(message: Uint8Array): WholeAppend | undefined {
  try {
    return read(protobuf.Reader.create(message), message);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function read(reader: Reader, message: Uint8Array): WholeAppend | undefined {
  if (reader.uint32() !== CORRELATION_ID) return undefined;
  const addressee = spanOf(reader);
  const id = uuid(reader, addressee.end);
  const correlationId = message.subarray(addressee.begin, addressee.end);
  if (id === undefined || reader.uint32() !== OPTIONS) return undefined;
  const options = spanOf(reader);
  if (reader.uint32() !== STREAM_IDENTIFIER) return undefined;
  const named = spanOf(reader);
  if (reader.uint32() !== STREAM_NAME) return undefined;
  const stream = reader.string();
  const identifier = message.subarray(named.begin, named.end);
  if (reader.pos !== named.end || stream === '' || stream === '$all') return undefined;
  const expected = expectation(reader);
  if (expected === undefined || reader.pos !== options.end) return undefined;
  const events: ProposedEvent[] = [];
  let tag = reader.uint32();
  while (tag === PROPOSED_MESSAGE) {
    const event = proposed(reader);
    if (event === undefined) return undefined;
    events.push(event);
    tag = reader.uint32();
  }
  if (tag !== IS_FINAL || reader.uint32() !== 1 || reader.pos !== message.length) return undefined;
  return { correlationId, identifier, id, stream, expected, events };
}

function expectation(reader: Reader): Expected | undefined {
  const tag = reader.uint32();
  if (tag === NO_STREAM) return reader.uint32() === 0 ? 'no_stream' : undefined;
  if (tag !== STREAM_POSITION) return undefined;
  const revision = reader.uint64();
  if (typeof revision === 'number') return BigInt(revision);
  // No log has more than 2⁵³ events.
  if (revision.high < 0 || revision.high >= 0x20_0000) return undefined;
  return BigInt(revision.high * 0x1_0000_0000 + (revision.low >>> 0));
}

function proposed(reader: Reader): ProposedEvent | undefined {
  const { end } = spanOf(reader);
  if (reader.uint32() !== ID) return undefined;
  const id = uuid(reader, spanOf(reader).end);
  let type: string | undefined;
  let contentType: string | undefined;
  let tag = reader.uint32();
  while (tag === METADATA_ENTRY) {
    const entry = spanOf(reader);
    if (reader.uint32() !== MAP_KEY) return undefined;
    const key = reader.string();
    if (reader.uint32() !== MAP_VALUE) return undefined;
    const value = reader.string();
    // What is no UTF-8 reads as that character, and not everywhere as the same number of them.
    if (reader.pos !== entry.end || value.includes('\ufffd')) return undefined;
    if (key === 'type' && type === undefined) type = value;
    else if (key === 'content-type' && contentType === undefined) contentType = value;
    else return undefined;
    tag = reader.uint32();
  }
  if (tag !== CUSTOM_METADATA) return undefined;
  const metadata = reader.bytes();
  if (reader.uint32() !== DATA) return undefined;
  const data = reader.bytes();
  if (id === undefined || type === undefined || contentType === undefined || reader.pos !== end) return undefined;
  return { id, type, isJson: contentType === 'application/json', data, metadata };
}

/** The form that is text. */
function uuid(reader: Reader, end: number): string | undefined {
  if (reader.uint32() !== UUID_TEXT) return undefined;
  const text = reader.string();
  return reader.pos === end && UUID.test(text) ? text : undefined;
}

/** Where the message that comes next lies. */
function spanOf(reader: Reader): { readonly begin: number; readonly end: number } {
  const length = reader.uint32();
  return { begin: reader.pos, end: reader.pos + length };
}
