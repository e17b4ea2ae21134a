/** What a server may answer to an append, made from what it did answer. */
import { randomUUID } from 'node:crypto';
import statusPb from '@eventstore/db-client/generated/status_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';

const NO_POSITION = (2n ** 64n - 1n).toString();

/** To an append that nobody made. */
export function forAnother(reply: Buffer): Buffer {
  const response = streamsPb.BatchAppendResp.deserializeBinary(reply);
  response.getCorrelationId()!.setString(randomUUID());
  return Buffer.from(response.serializeBinary());
}

export function failedWith(reply: Buffer, code: number): Buffer {
  const response = streamsPb.BatchAppendResp.deserializeBinary(reply);
  // Of the field for the code alone: what the server has no code for, it leaves at 0.
  response.setError(statusPb.Status.deserializeBinary(Buffer.from(code === 0 ? [] : [0x08, code])));
  return Buffer.from(response.serializeBinary());
}

export function isFor(reply: Buffer, stream: string): boolean {
  const response = streamsPb.BatchAppendResp.deserializeBinary(reply);
  return Buffer.from(response.getStreamIdentifier()!.getStreamName_asU8()).toString() === stream;
}

/** Of a repetition that the server recognises, by the way that the append went. */
export const withoutPosition = {
  append: (reply: Buffer) => {
    const response = streamsPb.AppendResp.deserializeBinary(reply);
    response.getSuccess()?.getPosition()?.setCommitPosition(NO_POSITION).setPreparePosition(NO_POSITION);
    return Buffer.from(response.serializeBinary());
  },
  batchAppend: (reply: Buffer) => {
    const response = streamsPb.BatchAppendResp.deserializeBinary(reply);
    response.getSuccess()?.getPosition()?.setCommitPosition(NO_POSITION).setPreparePosition(NO_POSITION);
    return Buffer.from(response.serializeBinary());
  },
};
