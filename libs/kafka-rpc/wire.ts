import { isUtf8 } from 'node:buffer';
import { type IHeaders, type KafkaMessage, type Message } from 'kafkajs';
import { deadlineOf } from '#runtime/delivery';
import { decodeWireText, encodeWireText } from '#runtime/wire-text';

/** The headers of Nest's Kafka transport, and the one of ours. */
const CORRELATION_ID = 'kafka_correlationId';
const REPLY_TOPIC = 'kafka_replyTopic';
const REPLY_PARTITION = 'kafka_replyPartition';
const NEST_ERR = 'kafka_nest-err';
const IS_DISPOSED = 'kafka_nest-is-disposed';
const DEADLINE = 'latchkey_deadline';

/** What a server answers with, as an error, when its reply is more than a message can hold: `MAX_MESSAGE_BYTES`. */
export const REPLY_TOO_LARGE = { status: 'error', message: 'The reply is too large', code: 'REPLY_TOO_LARGE' } as const;

export function isReplyTooLarge(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === REPLY_TOO_LARGE.code;
}

/** Longer ones are nobody's: Nest's have 21 characters, ours fewer than 40. */
const MAX_CORRELATION_ID_BYTES = 256;
const MAX_TOPIC_NAME_BYTES = 249;
/** Only its presence counts. A first byte of zero keeps stock Nest from decoding it. */
const DISPOSED = Buffer.alloc(1);

/** What is read of a record; kafkajs' KafkaMessage and whatever has its shape. */
export interface WireRecord {
  readonly value: Buffer | null;
  readonly headers?: IHeaders | undefined;
  /** Unix ms, decimal. */
  readonly timestamp: string;
}

/** Where a reply goes. The id is echoed byte by byte, whatever it is. */
export interface ReplyAddress {
  readonly topic: string;
  readonly partition: number | undefined;
  readonly correlationId: Buffer;
}

/**
 * How a record wants to be answered: at an address; `none` where an id or a topic is missing, as Nest leaves them away for
 * events; `unusable` where they are there and can't be used (repeated, oversized, no topic's name, no partition's number).
 */
export type Answerable = ReplyAddress | 'none' | 'unusable';

export function readReplyAddress({ headers = {} }: WireRecord): Answerable {
  const correlationId = headers[CORRELATION_ID];
  const topic = headers[REPLY_TOPIC];
  const partition = headers[REPLY_PARTITION];
  if (isAbsent(correlationId) || isAbsent(topic)) return 'none';
  if (!Buffer.isBuffer(correlationId) || correlationId.length > MAX_CORRELATION_ID_BYTES) return 'unusable';
  if (!Buffer.isBuffer(topic) || topic.length > MAX_TOPIC_NAME_BYTES) return 'unusable';
  const number = partition === undefined ? undefined : wholeNumber(partition, 6);
  if (number === null) return 'unusable';
  return { topic: topic.toString(), partition: number, correlationId };
}

/** When the record was received, and until when its request is in force; both Unix ms. */
export function readTimes({ headers = {}, timestamp }: WireRecord): { receivedAtMs: number; deadlineMs: number } {
  // Never later than now: the time of a topic that keeps its producers' times is whatever a producer says.
  const receivedAtMs = Math.min(Number(timestamp), Date.now());
  const asked = headers[DEADLINE] === undefined ? null : wholeNumber(headers[DEADLINE], 15);
  return { receivedAtMs, deadlineMs: deadlineOf(asked ?? undefined, receivedAtMs) };
}

/**
 * As Nest's KafkaParser: null stays null, a leading zero byte means binary, all else is text. But bytes that are no UTF-8
 * stay bytes: decoded all the same, what differs (the user ids of a caller who writes Latin-1) would become one.
 */
export function decodeValue(value: Buffer | null): unknown {
  if (value === null || value[0] === 0 || !isUtf8(value)) return value;
  return decodeWireText(value.toString());
}

/** A record as stock Nest shows it to a handler: its value, key and headers decoded. */
export function decodeRecord(message: KafkaMessage, topic: string, partition: number): object {
  const headers = Object.entries(message.headers ?? {}).map(([name, header]): [string, unknown] => {
    return [name, Buffer.isBuffer(header) ? decodeValue(header) : header];
  });
  return {
    ...message,
    topic,
    partition,
    value: decodeValue(message.value),
    key: decodeValue(message.key),
    headers: Object.fromEntries(headers) as Record<string, unknown>,
  };
}

export function encodeValue(payload: unknown): Buffer | string | null {
  return Buffer.isBuffer(payload) ? payload : encodeWireText(payload);
}

export interface OutgoingRequest {
  readonly value: Buffer | string | null;
  readonly correlationId: string;
  readonly replyTopic: string;
  readonly replyPartition: number;
  readonly deadlineMs: number;
}

export function requestMessage(request: OutgoingRequest): Message {
  return {
    value: request.value,
    headers: {
      [CORRELATION_ID]: request.correlationId,
      [REPLY_TOPIC]: request.replyTopic,
      [REPLY_PARTITION]: request.replyPartition.toString(),
      [DEADLINE]: request.deadlineMs.toString(),
    },
  };
}

/** `isDisposed`: nothing follows. Without it a caller goes on waiting. */
export function replyMessage(correlationId: Buffer, value: Buffer | string | null, isDisposed: boolean): Message {
  return {
    value,
    headers: { [CORRELATION_ID]: correlationId, ...(isDisposed ? { [IS_DISPOSED]: DISPOSED } : {}) },
  };
}

export function errorMessage(correlationId: Buffer, text: string): Message {
  return { value: null, headers: { [CORRELATION_ID]: correlationId, [NEST_ERR]: text, [IS_DISPOSED]: DISPOSED } };
}

export function readCorrelationId({ headers = {} }: WireRecord): string | undefined {
  const id = headers[CORRELATION_ID];
  return Buffer.isBuffer(id) && id.length <= MAX_CORRELATION_ID_BYTES ? id.toString('latin1') : undefined;
}

/** What Nest calls a WritePacket. */
export type IncomingReply =
  { readonly err: unknown; readonly isDisposed: true } | { readonly response: unknown; readonly isDisposed: boolean };

export function readReply({ headers = {}, value }: WireRecord): IncomingReply {
  const error = headers[NEST_ERR];
  if (error !== undefined) {
    return { err: Buffer.isBuffer(error) ? decodeValue(error) : error, isDisposed: true };
  }
  return { response: decodeValue(value), isDisposed: headers[IS_DISPOSED] !== undefined };
}

function isAbsent(header: IHeaders[string] | null): boolean {
  return header === undefined || header === null || header.length === 0;
}

/** @returns null where it is none */
function wholeNumber(header: IHeaders[string], maxDigits: number): number | null {
  if (!Buffer.isBuffer(header) || header.length === 0 || header.length > maxDigits) return null;
  const text = header.toString('latin1');
  return /^[0-9]+$/.test(text) ? Number(text) : null;
}
