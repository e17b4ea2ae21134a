import protobuf from 'protobufjs/minimal.js';

/** An event as it is sent: JSON texts, and an id that is a UUID. */
export interface ProposedEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
}

// Tags (field number and wire type) of streams.proto and shared.proto: BatchAppendReq, its Options and ProposedMessage; UUID.
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

/**
 * A whole append as one `BatchAppendReq` but for its correlation id. It names no deadline: the server's would be by the
 * clocks of two machines, and concerns only appends that come in parts.
 */
export function batchAppendBody(
  stream: string,
  expected: bigint | 'none',
  events: readonly ProposedEvent[],
): Uint8Array {
  const writer = protobuf.Writer.create();
  writer.uint32(OPTIONS).fork();
  writer.uint32(STREAM_IDENTIFIER).fork().uint32(STREAM_NAME).string(stream).ldelim();
  if (expected === 'none') writer.uint32(NO_STREAM).fork().ldelim();
  else writer.uint32(STREAM_POSITION).uint64(expected.toString());
  writer.ldelim();
  for (const event of events) {
    writer.uint32(PROPOSED_MESSAGE).fork();
    writer.uint32(ID).fork().uint32(UUID_TEXT).string(event.id).ldelim();
    entry(writer, 'type', event.type);
    entry(writer, 'content-type', 'application/json');
    writer.uint32(CUSTOM_METADATA).string(event.metadata);
    writer.uint32(DATA).string(event.data);
    writer.ldelim();
  }
  return writer.uint32(IS_FINAL).bool(true).finish();
}

/** @param id a UUID, by which the answer is known */
export function withCorrelationId(id: string, body: Uint8Array): Uint8Array {
  const message = Buffer.allocUnsafe(4 + id.length + body.length);
  message[0] = CORRELATION_ID;
  message[1] = 2 + id.length;
  message[2] = UUID_TEXT;
  message[3] = id.length;
  message.write(id, 4, 'latin1');
  message.set(body, 4 + id.length);
  return message;
}

function entry(writer: protobuf.Writer, key: string, value: string): void {
  writer.uint32(METADATA_ENTRY).fork().uint32(MAP_KEY).string(key).uint32(MAP_VALUE).string(value).ldelim();
}
