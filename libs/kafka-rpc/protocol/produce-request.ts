import { type Message } from 'kafkajs';
import { INT16, INT32, ProtocolWriter } from './protocol-writer.ts';
import { measureBatch, writeBatch } from './record-batch.ts';

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
  const writer = new ProtocolWriter(size);
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
