import { describe, expect, it } from '@jest/globals';
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js';
import timestampPb from 'google-protobuf/google/protobuf/timestamp_pb.js';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import fc from 'fast-check';
import { scaled } from '#testing/scale';
import { expectedRevision, proposedEvent, streamName, uuidText } from './append-request.ts';
import { errorBytes, successBytes } from './batch-answer.ts';
import { batchTimeout } from './append-response.ts';
import { wholeAppend } from './whole-append.ts';

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 });
const usual = fc.record({
  id: fc.uuid(),
  stream: text.filter((name) => name !== '$all'),
  revision: fc.option(fc.nat().map(String), { nil: 'none' as const }),
  events: fc.array(
    fc.record({
      id: fc.uuid(),
      type: text.filter((type) => !type.includes('\ufffd')),
      contentType: fc.constantFrom('application/json', 'application/octet-stream'),
      data: fc.uint8Array({ minLength: 1, maxLength: 200 }),
      metadata: fc.uint8Array({ minLength: 1, maxLength: 200 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});
type Usual = typeof usual extends fc.Arbitrary<infer T> ? T : never;

describe('an append in one message', () => {
  it('is read as the generated classes read it', () => {
    fc.assert(
      fc.property(usual, (append) => {
        const message = encoded(append);
        const read = wholeAppend(message);
        expect(plain(read!)).toEqual(byClasses(message));
      }),
      { numRuns: scaled(500) },
    );
  });

  it('that is changed anywhere is read as the generated classes read it, or left to them', () => {
    let taken = 0;
    fc.assert(
      fc.property(usual, fc.nat(), fc.nat({ max: 255 }), (append, place, byte) => {
        const message = Buffer.from(encoded(append));
        message[place % message.length] = byte;
        const read = wholeAppend(message);
        if (read === undefined) return;
        taken += 1;
        expect(plain(read)).toEqual(byClasses(message));
      }),
      { numRuns: scaled(3000) },
    );
    // Changed data are an append still.
    expect(taken).toBeGreaterThan(0);
  });

  it('that is cut off anywhere is left to the generated classes', () => {
    const [append] = fc.sample(usual, { numRuns: 1, seed: 4 });
    const message = encoded(append!);
    for (let length = 0; length < message.length; length++) {
      expect(wholeAppend(message.subarray(0, length))).toBeUndefined();
    }
  });

  it.each<[string, (request: streamsPb.BatchAppendReq) => unknown]>([
    ['a deadline', (request) => request.getOptions()!.setDeadline(new timestampPb.Timestamp())],
    ['any revision', (request) => request.getOptions()!.setAny(new emptyPb.Empty())],
    ['an existing stream', (request) => request.getOptions()!.setStreamExists(new emptyPb.Empty())],
    ['the rest still to come', (request) => request.setIsFinal(false)],
    ['options that came before', (request) => request.clearOptions()],
    ['an id in two halves', (request) => structure(request.getCorrelationId()!)],
    ['an id that is none', (request) => request.getCorrelationId()!.setString('x'.repeat(36))],
    ['an event without a type', (request) => request.getProposedMessagesList()[0]!.getMetadataMap().del('type')],
    ['a further property', (request) => request.getProposedMessagesList()[0]!.getMetadataMap().set('created', '1')],
    ['the name $all', (request) => request.getOptions()!.setStreamIdentifier(identifierOf('$all'))],
    ['no name', (request) => request.getOptions()!.clearStreamIdentifier()],
    ['a revision beyond all logs', (request) => request.getOptions()!.setStreamPosition(String(2n ** 53n))],
  ])('with %s is left to the generated classes', (_, change) => {
    const [append] = fc.sample(usual, { numRuns: 1, seed: 7 });
    const request = streamsPb.BatchAppendReq.deserializeBinary(encoded(append!));
    change(request);
    expect(wholeAppend(request.serializeBinary())).toBeUndefined();
  });
});

describe('an answer to an append in bytes', () => {
  it('says what the generated classes read back', () => {
    const position = fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { nil: undefined });
    const revision = fc.oneof(fc.constant(-1), fc.nat({ max: Number.MAX_SAFE_INTEGER }));
    fc.assert(
      fc.property(fc.uuid(), fc.option(text, { nil: undefined }), revision, position, (id, stream, at, place) => {
        const answer = streamsPb.BatchAppendResp.deserializeBinary(
          successBytes(addressee(id, stream), { revision: at, position: place }),
        );
        const success = answer.getSuccess()!;
        expect(answer.getCorrelationId()!.getString()).toBe(id);
        expect(nameIn(answer.getStreamIdentifier())).toBe(stream);
        expect(success.hasNoStream() ? -1 : Number(success.getCurrentRevision())).toBe(at);
        expect(success.hasNoPosition()).toBe(place === undefined);
        const { commitPosition, preparePosition } = success.getPosition()?.toObject() ?? {};
        const decimal = place === undefined ? undefined : String(place);
        expect([commitPosition, preparePosition]).toEqual([decimal, decimal]);
      }),
      { numRuns: scaled(500) },
    );
  });

  it('that is an error says to whom it is', () => {
    const id = '00000000-0000-4000-8000-00000000002a';
    const answer = streamsPb.BatchAppendResp.deserializeBinary(errorBytes(addressee(id, 'a stream'), batchTimeout()));
    expect(answer.getCorrelationId()!.getString()).toBe(id);
    expect(nameIn(answer.getStreamIdentifier())).toBe('a stream');
    expect(answer.getError()!.getMessage()).toBe('Timeout');
  });
});

function encoded({ id, stream, revision, events }: Usual): Uint8Array {
  const options = new streamsPb.BatchAppendReq.Options();
  options.setStreamIdentifier(identifierOf(stream));
  if (revision === 'none') options.setNoStream(new emptyPb.Empty());
  else options.setStreamPosition(revision);
  const request = new streamsPb.BatchAppendReq();
  request.setCorrelationId(uuidOf(id));
  request.setOptions(options);
  request.setProposedMessagesList(
    events.map((event) => {
      const message = new streamsPb.BatchAppendReq.ProposedMessage();
      message.setId(uuidOf(event.id));
      message.getMetadataMap().set('type', event.type).set('content-type', event.contentType);
      message.setCustomMetadata(event.metadata);
      message.setData(event.data);
      return message;
    }),
  );
  request.setIsFinal(true);
  return request.serializeBinary();
}

/** What the service makes of a message that it gets by the generated classes. */
function byClasses(message: Uint8Array) {
  const request = streamsPb.BatchAppendReq.deserializeBinary(message);
  const options = request.getOptions()!;
  expect([request.getIsFinal(), options.hasDeadline()]).toEqual([true, false]);
  return plain({
    correlationId: request.getCorrelationId()!.serializeBinary(),
    identifier: options.getStreamIdentifier()!.serializeBinary(),
    id: uuidText(request.getCorrelationId()),
    stream: streamName(options.getStreamIdentifier()),
    expected: expectedRevision(options, options.hasStreamPosition() ? options.getStreamPosition() : undefined),
    events: request.getProposedMessagesList().map(proposedEvent),
  });
}

function plain(append: NonNullable<ReturnType<typeof wholeAppend>>) {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  return {
    ...append,
    // Their names are compared as text: bytes that are no UTF-8 are given back as they came.
    correlationId: sharedPb.UUID.deserializeBinary(append.correlationId).getString(),
    identifier: nameIn(sharedPb.StreamIdentifier.deserializeBinary(append.identifier)),
    events: append.events.map((event) => ({ ...event, data: hex(event.data), metadata: hex(event.metadata) })),
  };
}

function addressee(id: string, stream: string | undefined) {
  return {
    correlationId: uuidOf(id).serializeBinary(),
    identifier: stream === undefined ? undefined : identifierOf(stream).serializeBinary(),
  };
}

function uuidOf(text: string): sharedPb.UUID {
  const uuid = new sharedPb.UUID();
  uuid.setString(text);
  return uuid;
}

function structure(uuid: sharedPb.UUID): void {
  const halves = new sharedPb.UUID.Structured();
  halves.setMostSignificantBits('1');
  halves.setLeastSignificantBits('2');
  uuid.setStructured(halves);
}

function identifierOf(name: string): sharedPb.StreamIdentifier {
  const identifier = new sharedPb.StreamIdentifier();
  identifier.setStreamName(Buffer.from(name).toString('base64'));
  return identifier;
}

function nameIn(identifier: sharedPb.StreamIdentifier | undefined): string | undefined {
  return identifier && Buffer.from(identifier.getStreamName_asU8()).toString();
}
