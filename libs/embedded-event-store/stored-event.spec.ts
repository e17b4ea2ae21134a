import { describe, expect, it } from '@jest/globals';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import fc from 'fast-check';
import { type Placement, type ProposedEvent } from './event.ts';
import { createdMsOf, encodeStoredEvent, idOf, responseOf, revisionOf, streamOf, typeOf } from './stored-event.ts';

const aText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 });
const anEvent: fc.Arbitrary<ProposedEvent> = fc.record({
  id: fc.uuid(),
  type: aText,
  isJson: fc.boolean(),
  data: fc.uint8Array({ maxLength: 300 }),
  metadata: fc.uint8Array({ maxLength: 300 }),
});
const aPlacement: fc.Arbitrary<Placement> = fc.record({
  stream: aText,
  revision: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 40n }), fc.constant(2n ** 63n - 1n)),
  position: fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER)),
  createdMs: fc.integer({ min: 0, max: 4e12 }),
});

describe('a stored event', () => {
  it('is the message that the generated classes read back, whatever it holds', () => {
    fc.assert(
      fc.property(anEvent, aPlacement, (event, placement) => {
        const stored = encodeStoredEvent(event, placement);
        const response = streamsPb.ReadResp.deserializeBinary(responseOf(stored));
        const read = response.getEvent()!;
        const recorded = read.getEvent()!;
        const position = String(placement.position);
        expect(read.getCommitPosition()).toBe(position);
        expect(recorded.getCommitPosition()).toBe(position);
        expect(recorded.getPreparePosition()).toBe(position);
        expect(recorded.getId()!.getString()).toBe(event.id);
        expect(Buffer.from(recorded.getStreamIdentifier()!.getStreamName_asU8()).toString()).toBe(placement.stream);
        expect(recorded.getStreamRevision()).toBe(String(placement.revision));
        expect(recorded.getMetadataMap().get('type')).toBe(event.type);
        expect(recorded.getMetadataMap().get('content-type')).toBe(
          event.isJson ? 'application/json' : 'application/octet-stream',
        );
        expect(recorded.getMetadataMap().get('created')).toBe(String(BigInt(placement.createdMs) * 10_000n));
        expect(Buffer.from(recorded.getData_asU8())).toEqual(Buffer.from(event.data));
        expect(Buffer.from(recorded.getCustomMetadata_asU8())).toEqual(Buffer.from(event.metadata));
      }),
    );
  });

  it('tells what the server asks without decoding the message', () => {
    fc.assert(
      fc.property(anEvent, aPlacement, (event, placement) => {
        const stored = encodeStoredEvent(event, placement);
        expect(idOf(stored)).toBe(event.id);
        expect(streamOf(stored)).toBe(placement.stream);
        expect(typeOf(stored)).toBe(event.type);
        expect(revisionOf(stored)).toBe(placement.revision);
        expect(createdMsOf(stored)).toBe(placement.createdMs);
      }),
    );
  });
});
