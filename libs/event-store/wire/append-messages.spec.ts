import { describe, expect, it } from '@jest/globals';
import anyPb from 'google-protobuf/google/protobuf/any_pb.js';
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js';
import codePb from '@eventstore/db-client/generated/code_pb.js';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import statusPb from '@eventstore/db-client/generated/status_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { scaled } from '#testing/scale';
import { appendAnswer } from './append-answer.ts';
import { batchAppendBody, withCorrelationId } from './append-request.ts';

const ID = '00000000-0000-4000-8000-00000000002a';
const text = fc.string({ unit: 'grapheme', maxLength: 300 });
const position = fc.oneof(fc.bigInt(0n, 2n ** 63n - 1n), fc.nat().map(BigInt));

describe('the request of an append', () => {
  it('says to the server what the client’s classes say', () => {
    const events = fc.array(fc.record({ id: fc.uuid(), type: text, data: text, metadata: text }), { minLength: 1 });
    fc.assert(
      fc.property(text, fc.option(position, { nil: 'none' as const }), events, (stream, expected, proposed) => {
        const sent = withCorrelationId(ID, batchAppendBody(stream, expected, proposed));
        const request = streamsPb.BatchAppendReq.deserializeBinary(sent);
        const options = request.getOptions()!;
        expect(request.getCorrelationId()!.getString()).toBe(ID);
        expect(request.getIsFinal()).toBe(true);
        expect(Buffer.from(options.getStreamIdentifier()!.getStreamName_asU8()).toString()).toBe(stream);
        expect(options.hasNoStream() ? 'none' : BigInt(options.getStreamPosition())).toBe(expected);
        expect([options.hasAny(), options.hasStreamExists(), options.hasDeadline()]).toEqual([false, false, false]);
        expect(
          request.getProposedMessagesList().map((message) => ({
            id: message.getId()!.getString(),
            metadataMap: Object.fromEntries(message.getMetadataMap().toObject()),
            data: Buffer.from(message.getData_asU8()).toString(),
            metadata: Buffer.from(message.getCustomMetadata_asU8()).toString(),
          })),
        ).toEqual(
          proposed.map(({ id, type, data, metadata }) => ({
            id,
            metadataMap: { type, 'content-type': 'application/json' },
            data,
            metadata,
          })),
        );
      }),
      { numRuns: scaled(500) },
    );
  });
});

describe('the answer to an append', () => {
  it('with a success gives the revision and the position, where there is one', () => {
    fc.assert(
      fc.property(position, fc.option(fc.tuple(position, position), { nil: undefined }), (revision, at) => {
        const success = new streamsPb.BatchAppendResp.Success();
        success.setCurrentRevision(String(revision));
        if (at === undefined) success.setNoPosition(new emptyPb.Empty());
        else {
          const place = new sharedPb.AllStreamPosition();
          place.setCommitPosition(String(at[0]));
          place.setPreparePosition(String(at[1]));
          success.setPosition(place);
        }
        expect(answered((response) => response.setSuccess(success))).toEqual({
          outcome: 'appended',
          revision,
          position: at === undefined ? undefined : { commit: at[0], prepare: at[1] },
        });
      }),
      { numRuns: scaled(300) },
    );
  });

  it('with an error tells it by its type, and by its code where it has none of its own', () => {
    const conflict = new sharedPb.WrongExpectedVersion();
    conflict.setCurrentStreamRevision('7');
    expect(failed('WrongExpectedVersion', conflict)).toEqual({ outcome: 'conflict', actual: 7n });
    const missing = new sharedPb.WrongExpectedVersion();
    missing.setCurrentNoStream(new emptyPb.Empty());
    expect(failed('WrongExpectedVersion', missing)).toEqual({ outcome: 'conflict', actual: undefined });
    expect(failed('StreamDeleted', new sharedPb.StreamDeleted())).toEqual({ outcome: 'tombstoned' });
    const tooLarge = failed('MaximumAppendSizeExceeded', new sharedPb.MaximumAppendSizeExceeded());
    expect(tooLarge).toEqual({ outcome: 'too-large' });
    for (const [name, details] of [
      ['AccessDenied', new sharedPb.AccessDenied()],
      ['Timeout', new sharedPb.Timeout()],
      ['Unknown', new sharedPb.Unknown()],
      ['BadRequest', new sharedPb.BadRequest()],
      ['InALaterVersion', new emptyPb.Empty()],
    ] as const) {
      expect(failed(name, details)).toEqual({ outcome: 'failed', code: status.ABORTED, message: 'no' });
    }
    expect(answered((response) => response.setError(new statusPb.Status()))).toEqual({
      outcome: 'failed',
      code: 0,
      message: '',
    });
  });

  it('that is cut off or says nothing is refused', () => {
    const success = new streamsPb.BatchAppendResp.Success();
    success.setCurrentRevision('7');
    const whole = encoded((response) => response.setSuccess(success));
    for (let cut = 0; cut < whole.length; cut++) expect(() => appendAnswer(whole.subarray(0, cut))).toThrow();
    expect(() => appendAnswer(encoded(() => undefined))).toThrow();
  });
});

function failed(name: string, details: { serializeBinary(): Uint8Array }) {
  const any = new anyPb.Any();
  any.pack(details.serializeBinary(), `event_store.client.${name}`);
  const error = new statusPb.Status();
  error.setCode(codePb.Code.ABORTED);
  error.setMessage('no');
  error.setDetails(any);
  return answered((response) => response.setError(error));
}

function answered(fill: (response: streamsPb.BatchAppendResp) => unknown) {
  const { id, answer } = appendAnswer(encoded(fill));
  expect(id).toBe(ID);
  return answer;
}

function encoded(fill: (response: streamsPb.BatchAppendResp) => unknown): Buffer {
  const response = new streamsPb.BatchAppendResp();
  const id = new sharedPb.UUID();
  id.setString(ID);
  response.setCorrelationId(id);
  fill(response);
  return Buffer.from(response.serializeBinary());
}
