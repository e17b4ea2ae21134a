import { type Message } from 'kafkajs';
import { crc32c } from './crc32c.ts';
import { INT16, INT32, INT64, varintSize, Writer } from './protocol-writer.ts';

/** Records for one partition, written as one batch. */
export interface PartitionRecords {
  readonly partition: number;
  /** At least one. Their time is that of writing, whatever `timestamp` they have. */
  readonly messages: readonly Message[];
}

export interface TopicRecords {
  readonly topic: string;
  readonly partitions: readonly PartitionRecords[];
}

export interface ProduceRequest {
  /** 1: the leader has it; -1: all replicas that are in sync have it. */
  readonly acks: number;
  /** How long the broker may wait for those. */
  readonly timeoutMs: number;
  /** The time of writing; Unix ms. */
  readonly nowMs: number;
  readonly topics: readonly TopicRecords[];
}

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

interface MeasuredBatch {
  readonly records: readonly MeasuredRecord[];
  /** Of all after the field that says it. */
  readonly size: number;
}

const MAGIC = 2;
const BASE_OFFSET_AND_LENGTH = INT64 + INT32;
const LEADER_EPOCH_AND_MAGIC = INT32 + 1;
/** The attributes, the last offset's delta, two times, the producer's id, epoch and first sequence, how many records. */
const COVERED_BY_CHECKSUM = INT16 + INT32 + 2 * INT64 + INT64 + INT16 + INT32 + INT32;
const BATCH_OVERHEAD = BASE_OFFSET_AND_LENGTH + LEADER_EPOCH_AND_MAGIC + INT32 + COVERED_BY_CHECKSUM;
const NO_PRODUCER = -1n;

/**
 * A Produce request of Kafka's protocol, versions 3 to 7, without the header that all requests have: record batches of
 * version 2, uncompressed, by a producer that is neither idempotent nor in a transaction. The same bytes as kafkajs makes,
 * measured first and then written into one buffer; its encoders copy each record six times before that, from one buffer of
 * zeros into the next.
 *
 * @throws {TypeError} a header without a value
 */
export function encodeProduceRequest(request: ProduceRequest): Buffer {
  const topics = request.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition, messages }) => ({ partition, batch: measureBatch(messages) })),
  }));
  let size = INT16 + INT16 + INT32 + INT32;
  for (const { topic, partitions } of topics) {
    size += INT16 + Buffer.byteLength(topic) + INT32;
    for (const { batch } of partitions) size += INT32 + INT32 + batch.size;
  }
  const writer = new Writer(size);
  writer.int16(-1); // no transaction
  writer.int16(request.acks);
  writer.int32(request.timeoutMs);
  writer.int32(topics.length);
  for (const { topic, partitions } of topics) {
    writer.string(topic);
    writer.int32(partitions.length);
    for (const { partition, batch } of partitions) {
      writer.int32(partition);
      writer.int32(batch.size);
      writeBatch(writer, batch, request.nowMs);
    }
  }
  return writer.buffer;
}

function measureBatch(messages: readonly Message[]): MeasuredBatch {
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

function writeBatch(writer: Writer, { records, size }: MeasuredBatch, nowMs: number): void {
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

function writeField(writer: Writer, { bytes, length }: Field): void {
  writer.varint(length);
  if (bytes !== null) writer.raw(bytes, length);
}
