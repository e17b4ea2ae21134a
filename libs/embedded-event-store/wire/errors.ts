import { Metadata, status, type StatusObject } from '@grpc/grpc-js';
import { type Expected } from '../append-rules.ts';

/** An error as EventStoreDB sends it: the client goes by the trailer `exception` first, then by the code. */
export type WireError = Pick<StatusObject, 'code' | 'details' | 'metadata'>;

export const MAX_APPEND_BYTES = 1_048_576;

export function streamDeleted(stream: string): WireError {
  return wireError(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': stream,
  });
}

export function wrongExpectedVersion(stream: string, expected: Expected, last: number): WireError {
  const version = String(versionNumber(expected));
  return wireError(
    status.FAILED_PRECONDITION,
    `Append failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${version}, Actual version: ${last}`,
    {
      exception: 'wrong-expected-version',
      'stream-name': stream,
      'expected-version': version,
      'actual-version': String(last),
    },
  );
}

export function maximumAppendSizeExceeded(): WireError {
  return wireError(status.INVALID_ARGUMENT, `Maximum Append Size of ${MAX_APPEND_BYTES} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': String(MAX_APPEND_BYTES),
  });
}

export function requiredMetadataMissing(property: string): WireError {
  return wireError(status.INVALID_ARGUMENT, `Required Metadata Property '${property}' is missing`, {
    exception: 'missing-required-metadata-property',
    'required-metadata-properties': 'type,content-type',
  });
}

export function invalidArgument(details: string): WireError {
  return wireError(status.INVALID_ARGUMENT, details);
}

export function unavailable(details: string): WireError {
  return wireError(status.UNAVAILABLE, details);
}

export function cancelled(details: string): WireError {
  return wireError(status.CANCELLED, details);
}

export function internalError(details: string): WireError {
  return wireError(status.INTERNAL, details);
}

export function deadlineExceeded(details: string): WireError {
  return wireError(status.DEADLINE_EXCEEDED, details);
}

/** The client can't tell it from a fault of its own, and retries: right for a full disk, where nothing was written. */
export function writeFailed(details: string): WireError {
  return wireError(status.RESOURCE_EXHAUSTED, details);
}

/** EventStoreDB's numbers for the words (24.6, `ExpectedVersion`). */
function versionNumber(expected: Expected): number | bigint {
  switch (expected) {
    case 'no_stream':
      return -1;
    case 'any':
      return -2;
    case 'stream_exists':
      return -4;
    default:
      return expected;
  }
}

function wireError(code: status, details: string, trailers: Readonly<Record<string, string>> = {}): WireError {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, trailerText(value));
  return { code, details: trailerText(details), metadata };
}

/** Trailers are ASCII; EventStoreDB replaces what is not. */
function trailerText(value: string): string {
  return value.replace(/[^\x20-\x7e]/g, '?');
}
