import anyPb from 'google-protobuf/google/protobuf/any_pb.js';
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js';
import codePb from '@eventstore/db-client/generated/code_pb.js';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import statusPb from '@eventstore/db-client/generated/status_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { type Expected } from '../append-rules.ts';
import { MAX_APPEND_BYTES } from './errors.ts';

export interface Written {
  readonly revision: number;
  readonly position: number | undefined;
}

export function appendSuccess({ revision, position }: Written): streamsPb.AppendResp {
  const success = new streamsPb.AppendResp.Success();
  if (revision < 0) success.setNoStream(new sharedPb.Empty());
  else success.setCurrentRevision(String(revision));
  if (position === undefined) success.setNoPosition(new sharedPb.Empty());
  else {
    const at = new streamsPb.AppendResp.Position();
    at.setCommitPosition(String(position));
    at.setPreparePosition(String(position));
    success.setPosition(at);
  }
  const response = new streamsPb.AppendResp();
  response.setSuccess(success);
  return response;
}

/** A wrong version is a normal reply to `Append`, not a status. */
export function appendWrongVersion(expected: Expected, last: number): streamsPb.AppendResp {
  const wrong = new streamsPb.AppendResp.WrongExpectedVersion();
  if (last < 0) wrong.setCurrentNoStream(new sharedPb.Empty());
  else wrong.setCurrentRevision(String(last));
  if (expected === 'any') wrong.setExpectedAny(new sharedPb.Empty());
  else if (expected === 'stream_exists') wrong.setExpectedStreamExists(new sharedPb.Empty());
  else if (expected === 'no_stream') wrong.setExpectedNoStream(new sharedPb.Empty());
  else wrong.setExpectedRevision(String(expected));
  const response = new streamsPb.AppendResp();
  response.setWrongExpectedVersion(wrong);
  return response;
}

export function batchWrongVersion(expected: Expected, last: number): streamsPb.BatchAppendResp {
  const details = new sharedPb.WrongExpectedVersion();
  if (last < 0) details.setCurrentNoStream(new emptyPb.Empty());
  else details.setCurrentStreamRevision(String(last));
  if (expected === 'any') details.setExpectedAny(new emptyPb.Empty());
  else if (expected === 'stream_exists') details.setExpectedStreamExists(new emptyPb.Empty());
  else if (expected === 'no_stream') details.setExpectedNoStream(new emptyPb.Empty());
  else details.setExpectedStreamPosition(String(expected));
  return batchError(codePb.Code.ALREADY_EXISTS, 'WrongExpectedVersion', details, 'WrongExpectedVersion');
}

/** @param identifier a `StreamIdentifier` in bytes */
export function batchStreamDeleted(identifier: Uint8Array | undefined): streamsPb.BatchAppendResp {
  const details = new sharedPb.StreamDeleted();
  if (identifier !== undefined) details.setStreamIdentifier(sharedPb.StreamIdentifier.deserializeBinary(identifier));
  return batchError(codePb.Code.NOT_FOUND, 'StreamDeleted', details, 'StreamDeleted');
}

export function batchTimeout(): streamsPb.BatchAppendResp {
  return batchError(codePb.Code.DEADLINE_EXCEEDED, 'Timeout', new sharedPb.Timeout(), 'Timeout');
}

export function batchTooLarge(): streamsPb.BatchAppendResp {
  const details = new sharedPb.MaximumAppendSizeExceeded();
  details.setMaxappendsize(MAX_APPEND_BYTES);
  const name = 'MaximumAppendSizeExceeded';
  return batchError(codePb.Code.INVALID_ARGUMENT, name, details, name);
}

export function batchBadRequest(message: string): streamsPb.BatchAppendResp {
  const details = new sharedPb.BadRequest();
  details.setMessage(message);
  return batchError(codePb.Code.INVALID_ARGUMENT, message, details, 'BadRequest');
}

/** As EventStoreDB says "not ready": no typed details, so the client shows the message and may retry. */
export function batchUnavailable(message: string): streamsPb.BatchAppendResp {
  return batchError(codePb.Code.UNAVAILABLE, message, new emptyPb.Empty(), 'Empty', 'google.protobuf');
}

function batchError(
  code: codePb.Code,
  message: string,
  details: { serializeBinary(): Uint8Array },
  name: string,
  namespace = 'event_store.client',
): streamsPb.BatchAppendResp {
  const packed = new anyPb.Any();
  packed.pack(details.serializeBinary(), `${namespace}.${name}`);
  const error = new statusPb.Status();
  error.setCode(code);
  error.setMessage(message);
  error.setDetails(packed);
  const response = new streamsPb.BatchAppendResp();
  response.setError(error);
  return response;
}
