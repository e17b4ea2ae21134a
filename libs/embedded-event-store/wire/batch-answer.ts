import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import type streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { type Written } from './append-response.ts';
import { lengthDelimitedSize, MessageWriter, varintSize } from './message-writer.ts';

/**
 * Who waits for the answer to an append of `BatchAppend`: the client knows it by its correlation id, and reads the
 * identifier of every error. Both are the client's own bytes, given back as they came.
 */
export interface Addressee {
  readonly correlationId: Uint8Array | undefined;
  readonly identifier: Uint8Array | undefined;
}

// Tags (field number and wire type) of streams.proto and shared.proto: BatchAppendResp, its Success; AllStreamPosition.
const CORRELATION_ID = 0x0a;
const SUCCESS = 0x1a;
const STREAM_IDENTIFIER = 0x22;
const CURRENT_REVISION = 0x08;
const NO_STREAM = 0x12;
const POSITION = 0x1a;
const NO_POSITION = 0x22;
const COMMIT = 0x08;
const PREPARE = 0x10;

/** Written by hand because every append pays for it; a spec reads it by the generated classes. */
export function successBytes({ correlationId, identifier }: Addressee, { revision, position }: Written): Buffer {
  const revisionSize = 1 + (revision < 0 ? 1 : varintSize(revision));
  const placeSize = position === undefined ? 0 : 2 * (1 + varintSize(position));
  const successSize = revisionSize + lengthDelimitedSize(placeSize);
  const to = new MessageWriter(
    (correlationId === undefined ? 0 : lengthDelimitedSize(correlationId.length)) +
      lengthDelimitedSize(successSize) +
      (identifier === undefined ? 0 : lengthDelimitedSize(identifier.length)),
    0,
  );
  if (correlationId !== undefined) to.field(CORRELATION_ID, correlationId);
  to.header(SUCCESS, successSize);
  if (revision < 0) to.header(NO_STREAM, 0);
  else to.number(CURRENT_REVISION, revision);
  if (position === undefined) to.header(NO_POSITION, 0);
  else {
    to.header(POSITION, placeSize);
    to.number(COMMIT, position);
    to.number(PREPARE, position);
  }
  if (identifier !== undefined) to.field(STREAM_IDENTIFIER, identifier);
  return to.bytes;
}

/** @param response one without an addressee */
export function errorBytes({ correlationId, identifier }: Addressee, response: streamsPb.BatchAppendResp): Buffer {
  if (correlationId !== undefined) response.setCorrelationId(sharedPb.UUID.deserializeBinary(correlationId));
  if (identifier !== undefined) response.setStreamIdentifier(sharedPb.StreamIdentifier.deserializeBinary(identifier));
  return Buffer.from(response.serializeBinary());
}
