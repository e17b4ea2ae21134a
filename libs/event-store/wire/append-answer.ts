import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import type statusPb from '@eventstore/db-client/generated/status_pb.js';
import protobuf from 'protobufjs/minimal.js';
import { type Position } from '../recorded-event.ts';
import { bigint, ended, endOf, type Reader, uuid } from './fields.ts';

/** What the server says to one append. */
export type AppendAnswer =
  /** Of the last event. A repetition that the server recognised may come without its position, or with a sentinel for it. */
  | { readonly outcome: 'appended'; readonly revision: bigint; readonly position: Position | undefined }
  | { readonly outcome: 'conflict'; readonly actual: bigint | undefined }
  | { readonly outcome: 'tombstoned' }
  | { readonly outcome: 'too-large' }
  /** `code`: gRPC's. Whether the events are stored is unknown unless it is a refusal's. */
  | { readonly outcome: 'failed'; readonly code: number; readonly message: string };

// Tags (field number and wire type) of streams.proto and shared.proto: BatchAppendResp, its Success; AllStreamPosition.
const CORRELATION_ID = 0x0a;
const ERROR = 0x12;
const SUCCESS = 0x1a;
const CURRENT_REVISION = 0x08;
const POSITION = 0x1a;
const COMMIT = 0x08;
const PREPARE = 0x10;

/** Reads a `BatchAppendResp`. @throws Error for bytes that are none */
export function appendAnswer(message: Uint8Array): { readonly id: string; readonly answer: AppendAnswer } {
  const reader = protobuf.Reader.create(message);
  let id = '';
  let answer: AppendAnswer | undefined;
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === CORRELATION_ID) id = uuid(reader, endOf(reader, reader.len));
    else if (tag === SUCCESS) answer = success(reader, endOf(reader, reader.len));
    else {
      // Rare, and deep: left to the generated classes.
      if (tag === ERROR) answer = failure(streamsPb.BatchAppendResp.deserializeBinary(message).getError());
      reader.skipType(tag & 7);
    }
  }
  if (answer === undefined) throw new RangeError('An answer to an append says nothing.');
  return { id, answer };
}

function success(reader: Reader, end: number): AppendAnswer {
  let revision = 0n;
  let position: Position | undefined;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === CURRENT_REVISION) revision = bigint(reader.uint64());
    else if (tag === POSITION) position = positionOf(reader, endOf(reader, end));
    else reader.skipType(tag & 7);
  }
  ended(reader, end);
  return { outcome: 'appended', revision, position };
}

function positionOf(reader: Reader, end: number): Position {
  let commit = 0n;
  let prepare = 0n;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === COMMIT) commit = bigint(reader.uint64());
    else if (tag === PREPARE) prepare = bigint(reader.uint64());
    else reader.skipType(tag & 7);
  }
  ended(reader, end);
  return { commit, prepare };
}

const NOTHING = new Uint8Array();

/** The kind is in the type of the details; what has none of its own is told by its code. */
function failure(error: statusPb.Status | undefined): AppendAnswer {
  const details = error?.getDetails();
  switch (details?.getTypeName() ?? '') {
    case 'event_store.client.WrongExpectedVersion': {
      const conflict = sharedPb.WrongExpectedVersion.deserializeBinary(details?.getValue_asU8() ?? NOTHING);
      return {
        outcome: 'conflict',
        actual: conflict.hasCurrentStreamRevision() ? BigInt(conflict.getCurrentStreamRevision()) : undefined,
      };
    }
    case 'event_store.client.StreamDeleted':
      return { outcome: 'tombstoned' };
    case 'event_store.client.MaximumAppendSizeExceeded':
      return { outcome: 'too-large' };
    default:
      return { outcome: 'failed', code: error?.getCode() ?? 0, message: error?.getMessage() ?? '' };
  }
}
