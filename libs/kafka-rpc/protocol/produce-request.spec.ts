import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Message } from 'kafkajs';
import kafkajsProduce from 'kafkajs/src/protocol/requests/produce/v3/request.js';
import { encodeProduceRequest, type ProduceRequest } from './produce-request.ts';

const bytes = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
);
const headerValue = fc.oneof(bytes, fc.array(bytes, { maxLength: 3 }));
const messages: fc.Arbitrary<Message[]> = fc.array(
  fc.record({
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.option(fc.dictionary(fc.string({ unit: 'binary' }), headerValue), { nil: undefined }),
  }) as fc.Arbitrary<Message>,
  { minLength: 1, maxLength: 70 },
);
const requests: fc.Arbitrary<ProduceRequest> = fc.record({
  acks: fc.constantFrom(-1, 1),
  timeoutMs: fc.nat(),
  nowMs: fc.nat({ max: 2 ** 42 }),
  topics: fc.array(
    fc.record({
      topic: fc.string(),
      partitions: fc.array(fc.record({ partition: fc.nat(), messages }), { maxLength: 2 }),
    }),
    { maxLength: 2 },
  ),
});

/** With the times that kafkajs takes from its messages. */
async function byKafkajs({ acks, timeoutMs, nowMs, topics }: ProduceRequest): Promise<Buffer> {
  const topicData = topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition, messages: timeless }) => ({
      partition,
      firstSequence: 0,
      messages: timeless.map((message) => ({ ...message, timestamp: String(nowMs) })),
    })),
  }));
  const { buffer } = await kafkajsProduce({ acks, timeout: timeoutMs, topicData }).encode();
  return buffer;
}

it('writes what kafkajs writes, byte for byte', async () => {
  await fc.assert(
    fc.asyncProperty(requests, async (request) => {
      expect(encodeProduceRequest(request).equals(await byKafkajs(request))).toBe(true);
    }),
  );
});

it.each([1, 63, 64, 8_191, 8_192, 600_000])('does so for a value of %d bytes', async (length) => {
  const message = { value: 'ü'.padEnd(length - 1, 'x') };
  const topics = [{ topic: 'x', partitions: [{ partition: 0, messages: [message, message] }] }];
  const request = { acks: 1, timeoutMs: 1, nowMs: Date.now(), topics };
  expect(encodeProduceRequest(request).equals(await byKafkajs(request))).toBe(true);
});

it('refuses a header without a value', () => {
  const message = { value: null, headers: { x: null } } as unknown as Message;
  const topics = [{ topic: 'x', partitions: [{ partition: 0, messages: [message] }] }];
  const request = { acks: 1, timeoutMs: 1, nowMs: 1, topics };
  expect(() => encodeProduceRequest(request)).toThrow('The header x has no value');
});
