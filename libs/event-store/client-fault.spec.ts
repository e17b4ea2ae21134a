import { describe, expect, it } from '@jest/globals';
import * as client from '@eventstore/db-client';
import { Metadata, status } from '@grpc/grpc-js';
import { faultOf } from './client-fault.ts';

const TRAILERS = {
  'stream-name': 'userKeys-ann',
  'expected-version': '4',
  'actual-version': '7',
  'maximum-append-size': '1048576',
  'leader-endpoint-host': '127.0.0.1',
  'leader-endpoint-port': '2113',
  'required-metadata-properties': 'type',
  'scavenge-id': 'one',
  'login-name': 'admin',
};

/** What grpc-js rejects a call with. */
function rejection(code: number, exception?: string, trailers: Readonly<Record<string, string>> = TRAILERS) {
  const metadata = new Metadata();
  if (exception !== undefined) {
    for (const [name, value] of Object.entries(trailers)) metadata.set(name, value);
    metadata.set('exception', exception);
  }
  const name = status[code] ?? 'UNKNOWN';
  return Object.assign(new Error(`${code} ${name}: the reason`), { code, details: 'the reason', metadata });
}

const CODES = Object.values(status).filter((code): code is status => typeof code === 'number' && code !== status.OK);

describe('a fault', () => {
  it('is the same for an error as gRPC gives it and as the client makes of it, whatever the server names it', () => {
    for (const exception of [undefined, ...Object.values(client.ErrorType), 'of-a-later-version']) {
      for (const code of CODES) {
        const raw = rejection(code, exception);
        expect({ exception, code, ...faultOf(raw) }).toEqual({
          exception,
          code,
          ...faultOf(client.convertToCommandError(raw)),
        });
      }
    }
  });

  it.each([
    ['wrong-expected-version', { kind: 'conflict', actual: 7n }],
    ['stream-not-found', { kind: 'missing' }],
    ['stream-deleted', { kind: 'tombstoned' }],
    ['maximum-append-size-exceeded', { kind: 'too-large' }],
    ['not-leader', { kind: 'not-leader' }],
    ['access-denied', { kind: 'refused' }],
  ])('is told by the name that the server gives it: %s', (exception, fault) => {
    expect(faultOf(rejection(status.UNKNOWN, exception))).toEqual(fault);
  });

  it.each(['', 'seven', '7.0', '-1', '0x7', '7 ', '9'.repeat(30)])(
    'is a conflict with an unknown revision where the server says none that is one: %j',
    (version) => {
      const trailers = { ...TRAILERS, 'actual-version': version };
      expect(faultOf(rejection(status.UNKNOWN, 'wrong-expected-version', trailers))).toEqual({
        kind: 'conflict',
        actual: undefined,
      });
    },
  );

  it('is told by its code where it has no name, and is never certain then but for refusals', () => {
    const kinds = CODES.map((code) => [status[code], faultOf(rejection(code))]);
    const doubt = { kind: 'unknown', reconnect: true };
    const unknown = { kind: 'unknown', reconnect: false };
    expect(Object.fromEntries(kinds)).toEqual({
      CANCELLED: doubt,
      UNKNOWN: unknown,
      INVALID_ARGUMENT: { kind: 'refused' },
      DEADLINE_EXCEEDED: doubt,
      NOT_FOUND: unknown,
      ALREADY_EXISTS: unknown,
      PERMISSION_DENIED: { kind: 'refused' },
      RESOURCE_EXHAUSTED: unknown,
      FAILED_PRECONDITION: unknown,
      ABORTED: unknown,
      OUT_OF_RANGE: unknown,
      UNIMPLEMENTED: { kind: 'refused' },
      INTERNAL: unknown,
      UNAVAILABLE: doubt,
      DATA_LOSS: unknown,
      UNAUTHENTICATED: { kind: 'refused' },
    });
    expect(faultOf(new Error('of our own'))).toEqual(doubt);
    expect(faultOf('a text')).toEqual(doubt);
  });
});
