import { describe, expect, it } from '@jest/globals';
import { convertGrpcEvent } from '@eventstore/db-client/dist/utils/convertGrpcEvent.js';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import fc from 'fast-check';
import { scaled } from '#testing/scale';
import { readMessage, type ReadMessage } from './read-message.ts';

const { ReadEvent } = streamsPb.ReadResp;

const uint64 = fc.oneof(
  fc.bigInt(0n, 2n ** 64n - 1n),
  fc.bigInt(0n, 100_000n),
  fc.constantFrom(2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n),
);
const text = fc.string({ unit: 'grapheme', maxLength: 200 }).filter((made) => !made.includes('\u{feff}'));
const json = fc.json().map((made) => Buffer.from(made));
const bytes = fc.uint8Array({ maxLength: 300 }).map((made) => Buffer.from(made));

const event = fc.record({
  // The client knows no others where they come as two halves.
  id: fc.uuid({ version: [1, 2, 3, 4, 5] }),
  structuredId: fc.boolean(),
  stream: fc.oneof(text, fc.constantFrom('$$userKeys-ann', '$stats-127.0.0.1:2113', 'userKeys-ann')),
  revision: uint64,
  commit: uint64,
  prepare: uint64,
  type: fc.option(fc.oneof(text, fc.constantFrom('KeyCreated', '$streamDeleted', '$metadata', '$>')), {
    nil: undefined,
  }),
  contentType: fc.constantFrom('application/json', 'application/octet-stream', 'text/plain', '', undefined),
  created: fc.oneof(
    fc.bigInt(0n, 3_000_000_000_000n * 10_000n).map(String),
    fc.constantFrom('', 'soon', '-1', '99999999999999999999999', undefined),
  ),
  metadata: fc.oneof(json, bytes, fc.constant(Buffer.alloc(0))),
  data: fc.oneof(json, bytes, fc.constant(Buffer.alloc(0))),
});
type Event = typeof event extends fc.Arbitrary<infer Made> ? Made : never;

const resolved = fc.record({
  event: fc.option(event, { nil: undefined }),
  link: fc.option(event, { nil: undefined }),
  place: fc.oneof(uint64, fc.constantFrom('none' as const, undefined)),
});

describe('the message of a read', () => {
  it('gives for every event what the client gives, links and events of the system too', () => {
    fc.assert(
      fc.property(resolved, fc.nat({ max: 40 }), (made, unknown) => {
        const response = new streamsPb.ReadResp();
        response.setEvent(encoded(made));
        const sent = withUnknownFields(Buffer.from(response.serializeBinary()), unknown);
        expect(readMessage(sent)).toStrictEqual(asTheClient(sent));
      }),
      { numRuns: scaled(2_000) },
    );
  });

  it('gives what the client gives for each event of a message that says it twice, or in another order', () => {
    fc.assert(
      fc.property(event, event, fc.boolean(), (one, other, reversed) => {
        const records = [one, other].map((made) => Buffer.from(recordOf(made).serializeBinary()));
        // Concatenated messages are one: the later fields win, and maps are joined.
        const record = Buffer.concat(reversed ? records.reverse() : records);
        const sent = field(1, field(1, record));
        expect(readMessage(sent)).toStrictEqual(asTheClient(sent));
      }),
      { numRuns: scaled(500) },
    );
  });

  it('tells what the server says of the call, and passes over what means nothing here', () => {
    const said: [ReadMessage, (response: streamsPb.ReadResp) => unknown][] = [
      ['confirmed', (response) => response.setConfirmation(new streamsPb.ReadResp.SubscriptionConfirmation())],
      ['caught-up', (response) => response.setCaughtUp(new streamsPb.ReadResp.CaughtUp())],
      ['fell-behind', (response) => response.setFellBehind(new streamsPb.ReadResp.FellBehind())],
      ['not-found', (response) => response.setStreamNotFound(new streamsPb.ReadResp.StreamNotFound())],
      ['other', (response) => response.setCheckpoint(new streamsPb.ReadResp.Checkpoint())],
      ['other', (response) => response.setFirstStreamPosition('7')],
      ['other', (response) => response.setLastStreamPosition('7')],
      ['other', (response) => response.setLastAllStreamPosition(new sharedPb.AllStreamPosition())],
      ['other', () => undefined],
    ];
    for (const [message, set] of said) {
      const response = new streamsPb.ReadResp();
      set(response);
      for (let unknown = 0; unknown < 5; unknown++) {
        const sent = withUnknownFields(Buffer.from(response.serializeBinary()), unknown);
        expect(readMessage(sent)).toBe(message);
      }
    }
  });

  it('is refused when it is cut off or garbled, or nests what reaches beyond its end, and never read on for ever', () => {
    fc.assert(
      fc.property(
        event,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(255),
        (made, at, byte) => {
          const response = new streamsPb.ReadResp();
          response.setEvent(encoded({ event: made, link: undefined, place: 1n }));
          const whole = Buffer.from(response.serializeBinary());
          const cut = Math.floor(at * whole.length);
          // Nothing at all is a message without content.
          if (cut > 0) expect(() => readMessage(whole.subarray(0, cut))).toThrow();
          const garbled = Buffer.from(whole);
          garbled[cut] = byte;
          thrownBy(() => readMessage(garbled));
        },
      ),
      { numRuns: scaled(500) },
    );
  });

  it('without an id or a stream is no event, as for the client', () => {
    for (const record of [
      Buffer.alloc(0),
      field(1, field(2, Buffer.from('id'))),
      field(2, field(3, Buffer.from('a'))),
    ]) {
      const sent = field(1, field(1, record));
      expect(() => readMessage(sent)).toThrow(RangeError);
      expect(thrownBy(() => asTheClient(sent))).toBeDefined();
    }
  });
});

function asTheClient(sent: Buffer): ReadMessage {
  const { event: record } = convertGrpcEvent(streamsPb.ReadResp.deserializeBinary(sent).getEvent()!);
  if (record === undefined) return 'other';
  const { id, type, streamId: stream, revision, position, data, metadata, created } = record;
  return { id, type, stream, revision, position: position!, data, metadata, createdMs: created.getTime() };
}

function encoded(made: { event: Event | undefined; link: Event | undefined; place: bigint | 'none' | undefined }) {
  const read = new ReadEvent();
  if (made.event !== undefined) read.setEvent(recordOf(made.event));
  if (made.link !== undefined) read.setLink(recordOf(made.link));
  if (made.place === 'none') read.setNoPosition(new sharedPb.Empty());
  else if (made.place !== undefined) read.setCommitPosition(String(made.place));
  return read;
}

function recordOf(made: Event): streamsPb.ReadResp.ReadEvent.RecordedEvent {
  const record = new ReadEvent.RecordedEvent();
  const identifier = new sharedPb.StreamIdentifier();
  identifier.setStreamName(Buffer.from(made.stream));
  record.setStreamIdentifier(identifier);
  record.setId(uuidOf(made));
  record.setStreamRevision(String(made.revision));
  record.setCommitPosition(String(made.commit));
  record.setPreparePosition(String(made.prepare));
  const map = record.getMetadataMap();
  if (made.type !== undefined) map.set('type', made.type);
  if (made.contentType !== undefined) map.set('content-type', made.contentType);
  if (made.created !== undefined) map.set('created', made.created);
  map.set('of a later version', 'unknown');
  record.setCustomMetadata(made.metadata);
  record.setData(made.data);
  return record;
}

function uuidOf({ id, structuredId }: Event): sharedPb.UUID {
  const uuid = new sharedPb.UUID();
  if (!structuredId) {
    uuid.setString(id);
    return uuid;
  }
  const hex = id.replaceAll('-', '');
  const halves = new sharedPb.UUID.Structured();
  halves.setMostSignificantBits(BigInt.asIntN(64, BigInt(`0x${hex.slice(0, 16)}`)).toString());
  halves.setLeastSignificantBits(BigInt.asIntN(64, BigInt(`0x${hex.slice(16)}`)).toString());
  uuid.setStructured(halves);
  return uuid;
}

/** Fields that no version of the protocol has yet, of every wire type, before and behind. */
function withUnknownFields(message: Buffer, choice: number): Buffer {
  const unknown = [
    field(1_000, Buffer.from('text')),
    Buffer.concat([varint((1_001 << 3) | 0), varint(300)]),
    Buffer.concat([varint((1_002 << 3) | 1), Buffer.alloc(8, 1)]),
    Buffer.concat([varint((1_003 << 3) | 5), Buffer.alloc(4, 1)]),
  ];
  const added = unknown[choice % 5] ?? Buffer.alloc(0);
  return choice % 2 === 0 ? Buffer.concat([added, message]) : Buffer.concat([message, added]);
}

function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | 2), varint(content.length), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** The client throws texts, too. */
function thrownBy(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}
