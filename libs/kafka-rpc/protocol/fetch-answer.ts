import { type IHeaders, type KafkaMessage } from 'kafkajs';
import { ProtocolReader } from './protocol-reader.ts';
import { INT32 } from './protocol-writer.ts';
import { BASE_OFFSET_AND_LENGTH, BATCH_OVERHEAD, MAGIC } from './record-batch.ts';

/** What kafkajs makes of the answer to a Fetch request of version 11. Offsets, times and ids are decimal. */
export interface FetchAnswer {
  readonly throttleTime: number;
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  readonly sessionId: number;
  readonly responses: readonly TopicAnswer[];
}

export interface TopicAnswer {
  readonly topicName: string;
  readonly partitions: readonly PartitionAnswer[];
}

export interface PartitionAnswer {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  readonly lastStableOffset: string;
  readonly lastStartOffset: string;
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[];
  /** -1: none. */
  readonly preferredReadReplica: number;
  readonly messages: readonly KafkaMessage[];
}

interface BatchContext {
  readonly baseOffset: bigint;
  readonly baseTimestamp: bigint;
  /** What kafkajs keeps of it with each record. */
  readonly shown: {
    readonly firstOffset: string;
    readonly firstTimestamp: string;
    readonly partitionLeaderEpoch: number;
    readonly inTransaction: boolean;
    readonly isControlBatch: boolean;
    readonly lastOffsetDelta: number;
    readonly producerId: string;
    readonly producerEpoch: number;
    readonly firstSequence: number;
    readonly maxTimestamp: string;
    /** 0: the producer's; 1: the broker's. */
    readonly timestampType: number;
    readonly magicByte: number;
  };
}

const MAGIC_AT = 16;
const COMPRESSED = 0x07;
const LOG_APPEND_TIME = 0x08;
const IN_TRANSACTION = 0x10;
const CONTROL = 0x20;
const NO_REPLICA = -1;

/**
 * Reads the answer to a Fetch request of version 11 into what kafkajs makes of it, in one go instead of a promise for each
 * partition and an object for each field. Partitions of which there is nothing to say are left out: each would be a
 * batch of its own for the consumer to go through.
 *
 * @returns undefined where a batch is compressed, or older than version 2 of the format: kafkajs can read those
 */
export function readFetchAnswer(answer: Buffer): FetchAnswer | undefined {
  const reader = new ProtocolReader(answer);
  const clientSideThrottleTime = reader.int32();
  const errorCode = reader.int16();
  const sessionId = reader.int32();
  const responses: TopicAnswer[] = [];
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topicName = reader.string();
    const partitions: PartitionAnswer[] = [];
    for (let left = reader.int32(); left > 0; left--) {
      const one = readPartition(reader);
      if (one === undefined) return undefined;
      if (one.messages.length > 0 || one.errorCode !== 0 || one.preferredReadReplica !== NO_REPLICA)
        partitions.push(one);
    }
    responses.push({ topicName, partitions });
  }
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
}

function readPartition(reader: ProtocolReader): PartitionAnswer | undefined {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64().toString();
  const lastStableOffset = reader.int64().toString();
  const lastStartOffset = reader.int64().toString();
  const abortedTransactions: { producerId: string; firstOffset: string }[] = [];
  for (let left = reader.int32(); left > 0; left--) {
    abortedTransactions.push({ producerId: reader.int64().toString(), firstOffset: reader.int64().toString() });
  }
  const preferredReadReplica = reader.int32();
  const messages = readBatches(reader.take(Math.max(0, reader.int32())));
  if (messages === undefined) return undefined;
  return {
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    lastStartOffset,
    abortedTransactions,
    preferredReadReplica,
    messages,
  };
}

/** The last batch may be cut off, for an answer is limited in bytes. */
function readBatches(records: Buffer): KafkaMessage[] | undefined {
  const messages: KafkaMessage[] = [];
  let rest = records;
  while (rest.length > MAGIC_AT) {
    const size = BASE_OFFSET_AND_LENGTH + rest.readInt32BE(BASE_OFFSET_AND_LENGTH - INT32);
    if (rest[MAGIC_AT] !== MAGIC || size < BATCH_OVERHEAD) return undefined;
    if (size > rest.length) break;
    const batch = new ProtocolReader(rest.subarray(0, size));
    rest = rest.subarray(size);
    const context = readContext(batch);
    if (context === undefined) return undefined;
    for (let left = batch.int32(); left > 0; left--) messages.push(readRecord(batch, context));
  }
  return messages;
}

/** @returns undefined where the records are compressed */
function readContext(batch: ProtocolReader): BatchContext | undefined {
  const baseOffset = batch.int64();
  batch.int32(); // the length
  const partitionLeaderEpoch = batch.int32();
  batch.int8(); // the magic byte
  batch.int32(); // the checksum, which kafkajs does not look at either: TCP has one
  const attributes = batch.int16();
  if ((attributes & COMPRESSED) !== 0) return undefined;
  const lastOffsetDelta = batch.int32();
  const baseTimestamp = batch.int64();
  return {
    baseOffset,
    baseTimestamp,
    shown: {
      firstOffset: baseOffset.toString(),
      firstTimestamp: baseTimestamp.toString(),
      partitionLeaderEpoch,
      inTransaction: (attributes & IN_TRANSACTION) !== 0,
      isControlBatch: (attributes & CONTROL) !== 0,
      lastOffsetDelta,
      maxTimestamp: batch.int64().toString(),
      producerId: batch.int64().toString(),
      producerEpoch: batch.int16(),
      firstSequence: batch.int32(),
      timestampType: (attributes & LOG_APPEND_TIME) !== 0 ? 1 : 0,
      magicByte: MAGIC,
    },
  };
}

function readRecord(batch: ProtocolReader, { baseOffset, baseTimestamp, shown }: BatchContext): KafkaMessage {
  const record = new ProtocolReader(batch.take(batch.varint()));
  const attributes = record.int8();
  const timestampDelta = record.varlong();
  const message = {
    magicByte: MAGIC,
    attributes,
    timestamp: shown.timestampType === 1 ? shown.maxTimestamp : (baseTimestamp + timestampDelta).toString(),
    offset: (baseOffset + BigInt(record.varint())).toString(),
    key: record.bytes(),
    value: record.bytes(),
    headers: readHeaders(record),
    isControlRecord: shown.isControlBatch,
    batchContext: shown,
  };
  return message;
}

/** One that comes several times has all of its values. Without a prototype: a name may be any. */
function readHeaders(record: ProtocolReader): IHeaders {
  const headers = Object.create(null) as Record<string, Buffer | (Buffer | null)[] | null>;
  for (let left = record.varint(); left > 0; left--) {
    const name = String(record.bytes());
    const value = record.bytes();
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    // Not into another array each time: a record has room for a hundred thousand.
    else if (Array.isArray(before)) before.push(value);
    else headers[name] = [before, value];
  }
  return headers as IHeaders;
}
