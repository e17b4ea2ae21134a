import { type Message } from 'kafkajs';
import { crc32c } from './crc32c.ts';
import { INT16, INT32, INT64, type ProtocolWriter, varintSize } from './protocol-writer.ts';

/** Version 2 of the format, of Kafka 0.11 and later. */
export const MAGIC = 2;
/** What stands before all that the length counts. */
export const BASE_OFFSET_AND_LENGTH = INT64 + INT32;
const LEADER_EPOCH_AND_MAGIC = INT32 + 1;
/** The attributes, the last offset's delta, two times, the producer's id, epoch and first sequence, how many records. */
const COVERED_BY_CHECKSUM = INT16 + INT32 + 2 * INT64 + INT64 + INT16 + INT32 + INT32;
/** A batch without its records. */
export const BATCH_OVERHEAD = BASE_OFFSET_AND_LENGTH + LEADER_EPOCH_AND_MAGIC + INT32 + COVERED_BY_CHECKSUM;
const NO_PRODUCER = -1n;

/** A message may come from code without types. */
type Header = string | Buffer | null | undefined;

/** A key, a value, or the name or value of a header. */
interface Field {
  readonly bytes: string | Buffer | null;
  /** -1 of null. */
  readonly length: number;
}

interface MeasuredRecord {
  readonly key: Field;
  readonly value: Field;
  readonly headers: readonly Field[];
  /** Of all after the varint that says it. */
  readonly size: number;
}

export interface MeasuredBatch {
  readonly records: readonly MeasuredRecord[];
  /** In bytes, all of it. */
  readonly size: number;
}

/**
 * What the records of one partition will take.
 *
 * @throws {TypeError} a header without a value
 */
export function measureBatch(messages: readonly Message[]): MeasuredBatch {
  const records = messages.map(measureRecord);
  let size = BATCH_OVERHEAD;
  for (const record of records) size += varintSize(record.size) + record.size;
  return { records, size };
}

function measureRecord({ key, value, headers }: Message, offsetDelta: number): MeasuredRecord {
  const measured = { key: field(key ?? null), value: field(value), headers: headerFields(headers ?? {}) };
  // The attributes and the time's delta have a byte each.
  let size = 2 + varintSize(offsetDelta) + fieldSize(measured.key) + fieldSize(measured.value);
  size += varintSize(measured.headers.length / 2);
  for (const one of measured.headers) size += fieldSize(one);
  return { ...measured, size };
}

/** Names and values by turns; a header with several values is several headers. */
function headerFields(headers: Readonly<Record<string, Header | readonly Header[]>>): Field[] {
  const fields: Field[] = [];
  for (const [name, header] of Object.entries(headers)) {
    for (const value of [header].flat()) {
      if (value === undefined || value === null) throw new TypeError(`The header ${name} has no value`);
      fields.push(field(name), field(value));
    }
  }
  return fields;
}

function field(bytes: string | Buffer | null): Field {
  return { bytes, length: bytes === null ? -1 : Buffer.byteLength(bytes) };
}

function fieldSize({ length }: Field): number {
  return varintSize(length) + Math.max(0, length);
}

/** Uncompressed, of the time `nowMs`, by a producer that is neither idempotent nor in a transaction. */
export function writeBatch(writer: ProtocolWriter, { records, size }: MeasuredBatch, nowMs: number): void {
  writer.int64(0n); // the base offset, which the broker gives
  writer.int32(size - BASE_OFFSET_AND_LENGTH);
  writer.int32(0); // the leader's epoch, likewise
  writer.int8(MAGIC);
  const checksumAt = writer.offset;
  writer.int32(0);
  writer.int16(0); // attributes: not compressed, the time of creation
  writer.int32(records.length - 1);
  const now = BigInt(nowMs);
  writer.int64(now);
  writer.int64(now);
  writer.int64(NO_PRODUCER);
  writer.int16(0);
  writer.int32(0);
  writer.int32(records.length);
  for (const [offsetDelta, record] of records.entries()) {
    writer.varint(record.size);
    writer.int8(0);
    writer.varint(0); // milliseconds after the first
    writer.varint(offsetDelta);
    writeField(writer, record.key);
    writeField(writer, record.value);
    writer.varint(record.headers.length / 2);
    for (const one of record.headers) writeField(writer, one);
  }
  writer.buffer.writeUInt32BE(crc32c(writer.buffer, checksumAt + INT32, writer.offset), checksumAt);
}

function writeField(writer: ProtocolWriter, { bytes, length }: Field): void {
  writer.varint(length);
  if (bytes !== null) writer.raw(bytes, length);
}
