import { INT16, INT32, INT64, ProtocolWriter } from './protocol-writer.ts';

export interface PartitionFetch {
  readonly partition: number;
  /** Decimal. */
  readonly fetchOffset: string;
  readonly maxBytes: number;
}

export interface TopicFetch {
  readonly topic: string;
  readonly partitions: readonly PartitionFetch[];
}

export interface FetchRequest {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  /** 0: all records; 1: those of transactions only once they are committed. */
  readonly isolationLevel: number;
  readonly rackId: string;
  readonly topics: readonly TopicFetch[];
}

const NO_REPLICA = -1;
const NO_SESSION = 0;
const WITHOUT_SESSION = -1;
const ANY_EPOCH = -1;
const NO_LOG_START = -1n;
const PARTITION_SIZE = INT32 + INT32 + INT64 + INT64 + INT32;

/**
 * A Fetch request of Kafka's protocol, version 11, without the header that all requests have. Of no session (KIP-227): with
 * sixteen partitions they saved the server some CPU, cost the broker as much, and a tenth of the throughput at 256.
 */
export function encodeFetchRequest(request: FetchRequest): Buffer {
  const { topics, rackId } = request;
  let size = 4 * INT32 + 1 + 2 * INT32 + INT32 + INT32 + INT16 + Buffer.byteLength(rackId);
  for (const { topic, partitions } of topics) {
    size += INT16 + Buffer.byteLength(topic) + INT32 + partitions.length * PARTITION_SIZE;
  }
  const writer = new ProtocolWriter(size);
  writer.int32(NO_REPLICA);
  writer.int32(request.maxWaitMs);
  writer.int32(request.minBytes);
  writer.int32(request.maxBytes);
  writer.int8(request.isolationLevel);
  writer.int32(NO_SESSION);
  writer.int32(WITHOUT_SESSION);
  writer.int32(topics.length);
  for (const { topic, partitions } of topics) {
    writer.string(topic);
    writer.int32(partitions.length);
    for (const { partition, fetchOffset, maxBytes } of partitions) {
      writer.int32(partition);
      writer.int32(ANY_EPOCH);
      writer.int64(BigInt(fetchOffset));
      writer.int64(NO_LOG_START);
      writer.int32(maxBytes);
    }
  }
  writer.int32(0); // nothing is left out of a session
  writer.string(rackId);
  return writer.buffer;
}
