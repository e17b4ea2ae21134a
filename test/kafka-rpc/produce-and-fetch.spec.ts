import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type IHeaders, type KafkaMessage, type Message, type Producer, type ProducerConfig } from 'kafkajs';
import { connectKafka } from '#kafka-rpc/kafka-connection';
import { anyKafka } from '#testing/kafka-process';
import { KafkaRig } from '#testing/kafka-rig';
import { requires } from '#testing/requires';

/** What kafkajs keeps of its batch with a record, and does not name in its types. */
type WithBatch = KafkaMessage & { readonly batchContext: { readonly producerId: string } };

requires(anyKafka)('produce and fetch requests of our own', () => {
  let rig: KafkaRig;
  const producers: Producer[] = [];

  beforeAll(async () => {
    rig = await KafkaRig.open([]);
  });
  afterAll(async () => {
    for (const producer of producers) await producer.disconnect();
    await rig.close();
  });

  /** Written by a producer as this library makes them, and read again. */
  const stored = async (topic: string, message: Message, config: ProducerConfig = {}) => {
    await rig.create([{ topic: rig.topic(topic), numPartitions: 8 }]);
    const producer = connectKafka({ brokers: rig.brokers }).producer(config);
    producers.push(producer);
    await producer.connect();
    const reader = await rig.read(rig.topic(topic));
    await producer.send({ topic: rig.topic(topic), messages: [message] });
    const [read] = await reader.until(({ length }) => length === 1);
    return read as KafkaMessage as WithBatch;
  };

  it('keep headers of any name, and all values of one that comes ten thousand times', async () => {
    const many = Array.from({ length: 10_000 }, (_, n) => String(n));
    const headers: IHeaders = { toString: 'a', ['__proto__']: 'b', many };
    const { headers: read = {} } = await stored('headers', { value: null, headers });
    expect(Object.entries(read)).toEqual([
      ['toString', Buffer.from('a')],
      ['__proto__', Buffer.from('b')],
      ['many', many.map((text) => Buffer.from(text))],
    ]);
  });

  it('refuse a header without a value', async () => {
    const headers = { x: null } as unknown as IHeaders;
    await expect(stored('no-value', { value: null, headers })).rejects.toThrow('The header x has no value');
  });

  it('leave messages the times that they have', async () => {
    const { timestamp, batchContext } = await stored('timed', { value: 'x', timestamp: '12345' });
    expect(timestamp).toBe('12345');
    expect(batchContext.producerId).toBe('-1');
  });

  it('leave idempotent producers their numbers', async () => {
    const { batchContext } = await stored('idempotent', { value: 'x' }, { idempotent: true });
    expect(Number(batchContext.producerId)).toBeGreaterThanOrEqual(0);
  });
});
