import { type Placement, type ProposedEvent } from './event.ts';
import { eventResponse } from './wire/event-response.ts';

/*
 * A stored event is a header with what the server itself needs, then the message that a reader gets, ready-made:
 *   0 id (16 bytes) · 16 created (ms, double) · 24 stream offset · 28 stream length · 32 type offset · 36 type length
 *   40 revision
 */
const HEADER_BYTES = 48;

export function encodeStoredEvent(event: ProposedEvent, placement: Placement): Buffer {
  const { bytes, streamAt, streamLength, typeAt, typeLength } = eventResponse(event, placement, HEADER_BYTES);
  bytes.write(event.id.replaceAll('-', ''), 0, 'hex');
  bytes.writeDoubleBE(placement.createdMs, 16);
  bytes.writeUInt32BE(streamAt, 24);
  bytes.writeUInt32BE(streamLength, 28);
  bytes.writeUInt32BE(typeAt, 32);
  bytes.writeUInt32BE(typeLength, 36);
  bytes.writeBigUInt64BE(placement.revision, 40);
  return bytes;
}

/** The `ReadResp` message to send for a stored event: a view, not a copy. */
export function responseOf(stored: Buffer): Buffer {
  return stored.subarray(HEADER_BYTES);
}

export function idOf(stored: Buffer): string {
  const hex = stored.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function createdMsOf(stored: Buffer): number {
  return stored.readDoubleBE(16);
}

export function streamOf(stored: Buffer): string {
  const at = stored.readUInt32BE(24);
  return stored.toString('utf8', at, at + stored.readUInt32BE(28));
}

export function typeOf(stored: Buffer): string {
  const at = stored.readUInt32BE(32);
  return stored.toString('utf8', at, at + stored.readUInt32BE(36));
}

export function revisionOf(stored: Buffer): bigint {
  return stored.readBigUInt64BE(40);
}
