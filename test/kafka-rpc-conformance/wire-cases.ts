/**
 * The rows of Nest's wire contract: what may be sent, answered and thrown, and what the other side is to make of it. Which
 * parts of it are text, JSON or bytes is told by `described`, as a handler's payload can't come back as it is.
 */
import { RpcException } from '@nestjs/microservices';
import { concat, EMPTY, from, type Observable, of, throwError } from 'rxjs';

export interface PayloadCase {
  readonly what: string;
  readonly sent: unknown;
  readonly received: unknown;
}

const aDate = new Date(Date.UTC(2026, 0, 2, 3, 4, 5));

/** Requests and replies alike. */
export const PAYLOADS: readonly PayloadCase[] = [
  { what: 'an object', sent: { a: 1, deep: { b: [true, null] } }, received: { a: 1, deep: { b: [true, null] } } },
  { what: 'an empty object', sent: {}, received: {} },
  { what: 'an array', sent: [1, 'two', { three: 3 }], received: [1, 'two', { three: 3 }] },
  { what: 'text', sent: 'plain ✓', received: 'plain ✓' },
  { what: 'an empty text', sent: '', received: '' },
  { what: 'text that is a JSON object', sent: '{"a":1}', received: { a: 1 } },
  { what: 'text that is a JSON array', sent: '[1,2]', received: [1, 2] },
  { what: 'text that only begins like JSON', sent: '{a', received: '{a' },
  { what: 'text that is a JSON number', sent: '7', received: '7' },
  { what: 'a number', sent: 42.5, received: '42.5' },
  { what: 'zero', sent: 0, received: '0' },
  { what: 'true', sent: true, received: 'true' },
  { what: 'false', sent: false, received: 'false' },
  { what: 'a Date', sent: aDate, received: aDate.toString() },
  { what: 'an object with a Date', sent: { at: aDate }, received: { at: aDate.toISOString() } },
  { what: 'bytes that are text', sent: Buffer.from('bytes'), received: 'bytes' },
  { what: 'bytes that are JSON', sent: Buffer.from('{"b":2}'), received: { b: 2 } },
  { what: 'bytes that begin with zero', sent: Buffer.from([0, 1, 255]), received: Buffer.from([0, 1, 255]) },
];

/** Only replies: a request of nothing is refused by ClientProxy itself. */
export const EMPTY_REPLIES: readonly PayloadCase[] = [
  { what: 'nothing', sent: undefined, received: null },
  { what: 'null', sent: null, received: null },
];

export interface FailureCase {
  readonly what: string;
  readonly thrown: unknown;
  /** What the caller catches. */
  readonly caught: unknown;
}

export const FAILURES: readonly FailureCase[] = [
  {
    what: 'an RpcException of text',
    thrown: new RpcException('no such thing'),
    caught: { status: 'error', message: 'no such thing' },
  },
  {
    what: 'an RpcException of an object',
    thrown: new RpcException({ code: 'NO', detail: { n: 1 } }),
    caught: { code: 'NO', detail: { n: 1 } },
  },
  {
    what: 'any other error, of which nothing is told',
    thrown: new TypeError('a secret of the inside'),
    caught: { status: 'error', message: 'Internal server error' },
  },
  { what: 'what is no error', thrown: 'text', caught: { status: 'error', message: 'Internal server error' } },
];

export interface FilteredCase {
  readonly what: string;
  readonly error: unknown;
  /** Undefined where it arrives as a success without a value. */
  readonly caught: unknown;
}

export const FILTERED: readonly FilteredCase[] = [
  { what: 'text', error: 'said so', caught: 'said so' },
  { what: 'text that is JSON', error: '{"code":"NO"}', caught: { code: 'NO' } },
  { what: 'an object', error: { code: 'NO' }, caught: { code: 'NO' } },
  { what: 'an array', error: ['NO'], caught: ['NO'] },
  { what: 'an empty text, a success without a value', error: '', caught: undefined },
  { what: 'null, a success without a value', error: null, caught: undefined },
  { what: 'undefined, a success without a value', error: undefined, caught: undefined },
  { what: 'false, a success without a value', error: false, caught: undefined },
];

export interface StreamCase {
  readonly what: string;
  readonly stream: () => Observable<unknown>;
  readonly values: readonly unknown[];
  readonly error?: unknown;
}

export const STREAMS: readonly StreamCase[] = [
  { what: 'one emission', stream: () => of({ n: 1 }), values: [{ n: 1 }] },
  {
    what: 'several emissions in one turn',
    stream: () => of({ n: 1 }, { n: 2 }, { n: 3 }),
    values: [{ n: 1 }, { n: 2 }, { n: 3 }],
  },
  { what: 'emissions one after another', stream: () => from(slowly()), values: [{ n: 1 }, { n: 2 }] },
  { what: 'no emission', stream: () => EMPTY, values: [null] },
  {
    what: 'an emission and then an error',
    stream: () =>
      concat(
        of({ n: 1 }),
        throwError(() => new RpcException('broke off')),
      ),
    values: [{ n: 1 }],
    error: { status: 'error', message: 'broke off' },
  },
];

/** How a handler tells what it was given, whatever that is. */
export function described(value: unknown): object {
  if (value === undefined) return { is: 'undefined' };
  if (Buffer.isBuffer(value)) return { is: 'bytes', base64: value.toString('base64') };
  return { is: value === null ? 'null' : typeof value, json: JSON.stringify(value) };
}

async function* slowly(): AsyncGenerator {
  yield { n: 1 };
  await new Promise((resolve) => setImmediate(resolve));
  yield { n: 2 };
}
