import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Message } from 'kafkajs';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import kafkajsFetch from 'kafkajs/src/protocol/requests/fetch/v11/response.js';
import { readFetchAnswer } from './fetch-answer.ts';
import { encodeProduceRequest } from './produce-request.ts';

/** Where a batch has what, after its first twelve bytes: see Kafka's RecordBatch. */
const ATTRIBUTES_AT = 21;
const GZIP = 1;
const LOG_APPEND_TIME = 8;
const TRANSACTIONAL = 16;
const CONTROL = 32;

interface Batch {
  readonly baseOffset: bigint;
  readonly attributes: number;
  readonly nowMs: number;
  readonly messages: readonly Message[];
}

interface Partition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[];
  readonly preferredReadReplica: number;
  readonly records: Buffer;
}

/** As the broker keeps and hands it out. */
function batchOf({ baseOffset, attributes, nowMs, messages }: Batch): Buffer {
  const topics = [{ topic: '', partitions: [{ partition: 0, messages }] }];
  const request = encodeProduceRequest({ acks: 1, timeoutMs: 0, nowMs, topics });
  // The transaction, acks, timeout, one topic without a name, one partition: and how many bytes it has.
  const batch = request.subarray(2 + 2 + 4 + 4 + 2 + 4 + 4 + 4);
  batch.writeBigInt64BE(baseOffset, 0);
  batch.writeInt16BE(attributes, ATTRIBUTES_AT);
  return batch;
}

function answerOf(topics: readonly { readonly topic: string; readonly partitions: readonly Partition[] }[]): Buffer {
  const encoder = new Encoder().writeInt32(7).writeInt16(0).writeInt32(0).writeInt32(topics.length);
  for (const { topic, partitions } of topics) {
    encoder.writeString(topic).writeInt32(partitions.length);
    for (const { partition, errorCode, highWatermark, aborted, preferredReadReplica, records } of partitions) {
      encoder.writeInt32(partition).writeInt16(errorCode).writeInt64(highWatermark.toString());
      encoder.writeInt64(highWatermark.toString()).writeInt64('0').writeInt32(aborted.length);
      for (const { producerId, firstOffset } of aborted) {
        encoder.writeInt64(producerId.toString()).writeInt64(firstOffset.toString());
      }
      encoder.writeInt32(preferredReadReplica).writeBytes(records);
    }
  }
  return encoder.buffer;
}

const bytes = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 80 }).map((array) => Buffer.from(array)),
);
/** kafkajs finds some headers where there are none: `toString` is a property of every object. */
const headerName = fc.string({ unit: 'binary' }).filter((name) => !(name in {}));
const batches: fc.Arbitrary<Batch> = fc.record({
  baseOffset: fc.bigInt({ min: 0n, max: 2n ** 62n }),
  attributes: fc.constantFrom(0, LOG_APPEND_TIME, TRANSACTIONAL, TRANSACTIONAL | CONTROL),
  nowMs: fc.nat({ max: 2 ** 42 }),
  messages: fc.array(
    fc.record({
      key: fc.option(bytes),
      value: fc.option(bytes),
      headers: fc.dictionary(headerName, fc.oneof(bytes, fc.array(bytes, { minLength: 1, maxLength: 3 }))),
    }) as fc.Arbitrary<Message>,
    { minLength: 1, maxLength: 70 },
  ),
});
const partitions: fc.Arbitrary<Partition> = fc.record({
  partition: fc.nat(),
  errorCode: fc.constantFrom(0, 0, 0, 1, 6),
  highWatermark: fc.bigInt({ min: 0n, max: 2n ** 62n }),
  aborted: fc.array(
    fc.record({ producerId: fc.bigInt({ min: 0n, max: 9n }), firstOffset: fc.bigInt({ min: 0n, max: 9n }) }),
  ),
  preferredReadReplica: fc.constantFrom(-1, -1, 2),
  records: fc
    .tuple(fc.array(batches, { maxLength: 3 }), fc.nat({ max: 100 }))
    .map(([all, cut]) => [Buffer.concat(all.map(batchOf)), cut] as const)
    // Not so much that nothing is left of the first: kafkajs can't read that.
    .map(([whole, cut]) => (whole.length > 3 * cut + 61 ? whole.subarray(0, whole.length - cut) : whole)),
});
const answers = fc.array(
  fc.record({ topic: fc.string({ unit: 'binary' }), partitions: fc.array(partitions, { maxLength: 3 }) }),
  { maxLength: 3 },
);

async function byKafkajs(answer: Buffer) {
  const decoded = await kafkajsFetch.decode(answer);
  return {
    ...decoded,
    responses: decoded.responses.map((topic) => ({
      ...topic,
      partitions: topic.partitions.filter(
        ({ messages, errorCode, preferredReadReplica }) =>
          messages.length > 0 || errorCode !== 0 || preferredReadReplica !== -1,
      ),
    })),
  };
}

const one = (records: Buffer) =>
  answerOf([
    {
      topic: 'x',
      partitions: [{ partition: 0, errorCode: 0, highWatermark: 1n, aborted: [], preferredReadReplica: -1, records }],
    },
  ]);
const plain: Batch = { baseOffset: 5n, attributes: 0, nowMs: 1, messages: [{ value: 'v' }] };

describe('an answer to a fetch', () => {
  it('is read as kafkajs reads it, but for partitions that have nothing new', async () => {
    await fc.assert(
      fc.asyncProperty(answers, async (topics) => {
        const answer = answerOf(topics);
        expect(readFetchAnswer(answer)).toEqual(await byKafkajs(answer));
      }),
    );
  });

  it('may have headers of any name', () => {
    const headers = { toString: 'a', ['__proto__']: 'b', constructor: ['c', 'd'] };
    const batch = batchOf({ ...plain, messages: [{ value: null, headers }] });
    const message = readFetchAnswer(one(batch))?.responses[0]?.partitions[0]?.messages[0];
    expect(Object.entries(message?.headers ?? {})).toEqual([
      ['toString', Buffer.from('a')],
      ['__proto__', Buffer.from('b')],
      ['constructor', [Buffer.from('c'), Buffer.from('d')]],
    ]);
  });

  it('is left to kafkajs where a batch is compressed', () => {
    expect(readFetchAnswer(one(batchOf({ ...plain, attributes: GZIP })))).toBeUndefined();
  });

  it('is left to kafkajs where a batch is of an older format, or of none', () => {
    const old = batchOf(plain);
    old[16] = 1;
    expect(readFetchAnswer(one(old))).toBeUndefined();
    const short = batchOf(plain);
    short.writeInt32BE(-12, 8);
    expect(readFetchAnswer(one(short))).toBeUndefined();
  });

  it('that ends too early is no answer', () => {
    const answer = one(batchOf(plain));
    for (let end = 0; end < answer.length; end++) {
      expect(() => readFetchAnswer(answer.subarray(0, end))).toThrow(expect.objectContaining({ name: 'RangeError' }));
    }
  });
});
