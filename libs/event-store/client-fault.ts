import { WrongExpectedVersionError } from '@eventstore/db-client';
import { Metadata } from '@grpc/grpc-js';
import { UnusableAnswer } from './event-store-unavailable.ts';

/**
 * What a failed call says, whether it was the client's or our own. Only the named answers are the server's word. All the rest (UnknownError,
 * Cancelled, Unavailable, timeouts, raw gRPC errors without a type) leaves open whether the call had its effect.
 */
export type ClientFault =
  | { readonly kind: 'conflict'; readonly actual: bigint | undefined }
  | { readonly kind: 'missing' }
  | { readonly kind: 'tombstoned' }
  | { readonly kind: 'too-large' }
  /** Asking again gets the same answer. */
  | { readonly kind: 'refused' }
  /** The client has already turned to the leader that the answer names: ask again, over the same client. */
  | { readonly kind: 'not-leader' }
  /** `reconnect`: the way to the server is in doubt, not only this call. */
  | { readonly kind: 'unknown'; readonly reconnect: boolean };

/** gRPC's status codes. */
const CANCELLED = 1;
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

const REFUSALS = new Set<unknown>([INVALID_ARGUMENT, PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED]);
/** No code at all: our own timer, a failed discovery, a closed channel. */
const CONNECTION_IN_DOUBT = new Set<unknown>([CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE, undefined]);

/** Of anything else, and of a later spelling, only that it is no revision is known. */
const REVISION = /^[0-9]{1,20}$/;

export function faultOf(error: unknown): ClientFault {
  switch (nameOf(error) ?? '') {
    case 'wrong-expected-version':
      return { kind: 'conflict', actual: actualVersion(error) };
    case 'stream-not-found':
      return { kind: 'missing' };
    case 'stream-deleted':
      return { kind: 'tombstoned' };
    case 'maximum-append-size-exceeded':
      return { kind: 'too-large' };
    case 'not-leader':
      return { kind: 'not-leader' };
    case 'access-denied':
      return { kind: 'refused' };
  }
  if (error instanceof UnusableAnswer) return { kind: 'refused' };
  if (!(error instanceof Error)) return { kind: 'unknown', reconnect: true };
  const code = 'code' in error ? error.code : undefined;
  // A message beyond what the server's transport takes never reaches the append limit that has an error of its own.
  if (code === RESOURCE_EXHAUSTED && /larger than max|exceeds the maximum/i.test(error.message)) {
    return { kind: 'too-large' };
  }
  if (REFUSALS.has(code)) return { kind: 'refused' };
  return { kind: 'unknown', reconnect: CONNECTION_IN_DOUBT.has(code) };
}

/** The server names its errors in a trailer; the client makes that name the type of its own error. */
function nameOf(error: unknown): string | undefined {
  if (typeof error === 'object' && error !== null && 'type' in error && typeof error.type === 'string')
    return error.type;
  return trailer(error, 'exception');
}

/** By the server's trailer, which is absent where the stream has no events; the client's own error may hold a number, too. */
function actualVersion(error: unknown): bigint | undefined {
  if (error instanceof WrongExpectedVersionError) {
    return typeof error.actualVersion === 'bigint' ? error.actualVersion : undefined;
  }
  const version = trailer(error, 'actual-version');
  return version !== undefined && REVISION.test(version) ? BigInt(version) : undefined;
}

function trailer(error: unknown, name: string): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if (!('metadata' in error && error.metadata instanceof Metadata)) return undefined;
  return error.metadata.get(name)[0]?.toString();
}
