import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { type EventOutcome, type EventRecord, KafkaEventConsumer } from '#kafka-rpc/event-consumer';
import { eventually } from '#testing/eventually';
import { anyKafka } from '#testing/kafka-process';
import { KafkaRig } from '#testing/kafka-rig';
import { requires } from '#testing/requires';

const PARTITIONS = 2;

requires(anyKafka)('a topic whose every record counts', () => {
  let rig: KafkaRig;
  let topic: string;
  let deadLetterTopic: string;
  let lot = 0;
  let told: string[];
  const open: KafkaEventConsumer[] = [];

  beforeAll(async () => {
    rig = await KafkaRig.open([]);
  });
  afterAll(async () => {
    await rig.close();
    Logger.overrideLogger(false);
  });

  beforeEach(async () => {
    told = [];
    const tell = (message: unknown) => void told.push(String(message));
    Logger.overrideLogger({ log: tell, warn: tell, error: tell });
    topic = `${rig.topicPrefix}events-${++lot}`;
    deadLetterTopic = `${topic}.dead-letter`;
    await rig.admin.createTopics({
      waitForLeaders: true,
      topics: [
        { topic, numPartitions: PARTITIONS },
        { topic: deadLetterTopic, numPartitions: 1 },
      ],
    });
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((consumer) => consumer.close()));
  });

  type Handle = (record: EventRecord) => Promise<EventOutcome> | EventOutcome;

  async function consume(handle: Handle): Promise<KafkaEventConsumer> {
    const consumer = new KafkaEventConsumer({
      brokers: rig.brokers,
      topic,
      deadLetterTopic,
      groupId: `g-${topic}`,
      handle: async (record) => handle(record),
    });
    open.push(consumer);
    await consumer.start();
    return consumer;
  }

  const write = (values: readonly (string | null)[], partition = 0) =>
    rig.producer.send({ topic, messages: values.map((value) => ({ value, partition })) });
  const committed = async (partition = 0): Promise<number> => {
    const [offsets] = await rig.admin.fetchOffsets({ groupId: `g-${topic}`, topics: [topic] });
    return Number(offsets?.partitions.find((each) => each.partition === partition)?.offset);
  };
  const textOf = ({ value }: EventRecord) => String(value);
  const done: EventOutcome = { outcome: 'done' };

  it('is read from its beginning, by a service that was not there when it began', async () => {
    await write(['one', 'two']);
    const seen: string[] = [];
    await consume((record) => (seen.push(textOf(record)), done));
    await eventually(() => seen.length === 2);
    expect(seen).toEqual(['one', 'two']);
    await eventually(async () => (await committed()) === 2);
  });

  it('has nothing committed before it is done; what a process had not finished, the next one gets', async () => {
    let attempts = 0;
    const first = await consume(() => {
      attempts += 1;
      throw new Error('away');
    });
    await write(['one']);
    await eventually(() => attempts >= 2);
    await first.close();
    expect(await committed()).toBe(-1);
    const seen: string[] = [];
    let finish: () => void = () => undefined;
    await consume(async (record) => {
      seen.push(textOf(record));
      await new Promise<void>((resolve) => (finish = resolve));
      return done;
    });
    await eventually(() => seen.length === 1);
    expect(await committed()).toBe(-1);
    finish();
    await eventually(async () => (await committed()) === 1);
    expect(seen).toEqual(['one']);
  });

  it('waits for a fault to pass and skips nothing, while its other partitions go on', async () => {
    let isFaulty = true;
    const seen: string[] = [];
    let attempts = 0;
    await consume((record) => {
      if (isFaulty && textOf(record) === 'bad') {
        attempts += 1;
        throw new Error('away');
      }
      seen.push(textOf(record));
      return done;
    });
    await write(['bad', 'after']);
    await write(['elsewhere'], 1);
    await eventually(() => attempts >= 3);
    await eventually(async () => (await committed(1)) === 1);
    expect(await committed(0)).toBe(-1);
    expect(told.some((line) => line.includes('waits for a fault to pass: away'))).toBe(true);
    isFaulty = false;
    await eventually(async () => (await committed(0)) === 2);
    expect(new Set(seen)).toEqual(new Set(['elsewhere', 'after', 'bad']));
  });

  it('parks by name alone what is too large to be parked with what was added to it, and goes on', async () => {
    // The dead-letter topic takes less than the record has.
    await rig.admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: deadLetterTopic,
          configEntries: [{ name: 'max.message.bytes', value: '20000' }],
        },
      ],
    });
    await write(['x'.repeat(30_000), 'good']);
    const seen: string[] = [];
    await consume((record) => {
      if (textOf(record).startsWith('x')) return { outcome: 'parked', reason: 'not JSON' };
      seen.push(textOf(record));
      return done;
    });
    await eventually(async () => (await committed(0)) === 2);
    expect(seen).toEqual(['good']);
    expect(told.some((line) => line.includes('The record at 0/0'))).toBe(true);
    const ends = await rig.admin.fetchTopicOffsets(deadLetterTopic);
    expect(ends.map(({ high }) => high)).toEqual(['1']);
  });

  it('parks what can never be acted on, with what it was, whence and why, and goes on', async () => {
    const seen: string[] = [];
    await rig.producer.send({
      topic,
      messages: [
        { partition: 1, key: 'k', value: 'junk', headers: { trace: 'abc' } },
        { partition: 1, value: 'good' },
      ],
    });
    await consume((record) => {
      if (textOf(record) === 'junk') return { outcome: 'parked', reason: 'not JSON' };
      seen.push(textOf(record));
      return done;
    });
    await eventually(async () => (await committed(1)) === 2);
    expect(seen).toEqual(['good']);
    const reader = await rig.read(deadLetterTopic);
    const [parked] = await reader.until((messages) => messages.length > 0);
    const headers = Object.fromEntries(
      Object.entries(parked!.headers ?? {}).map(([name, text]) => [name, String(text)]),
    );
    expect({ key: String(parked!.key), value: String(parked!.value), headers }).toEqual({
      key: 'k',
      value: 'junk',
      headers: {
        trace: 'abc',
        latchkey_reason: 'not JSON',
        latchkey_topic: topic,
        latchkey_partition: '1',
        latchkey_offset: '0',
      },
    });
  });

  describe('records that were deleted before they were read', () => {
    const gone = () => told.filter((line) => line.includes('are gone, and were never read'));
    const forget = async (offset: string) => {
      // kafkajs looks for the partition's leader among those that it has heard of.
      await rig.admin.fetchTopicOffsets(topic);
      await rig.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] });
    };

    it('are told when the service first starts', async () => {
      await write(['one', 'two', 'three']);
      await forget('2');
      const seen: string[] = [];
      await consume((record) => (seen.push(textOf(record)), done));
      await eventually(() => seen.length === 1);
      expect(gone()).toEqual(['Records of partition 0 from 0 up to 2 are gone, and were never read']);
    });

    it('are told when it was away meanwhile', async () => {
      const seen: string[] = [];
      const handle: Handle = (record) => (seen.push(textOf(record)), done);
      const before = await consume(handle);
      await write(['one']);
      await eventually(async () => (await committed()) === 1);
      await before.close();
      await write(['two', 'three', 'four']);
      await forget('3');
      await consume(handle);
      await eventually(() => seen.includes('four'));
      expect(gone()).toEqual(['Records of partition 0 from 1 up to 3 are gone, and were never read']);
    });

    it('are not taken for the marks that transactions leave', async () => {
      const producer = rig.kafka.producer({ idempotent: true, maxInFlightRequests: 1, transactionalId: topic });
      await producer.connect();
      const seen: string[] = [];
      await consume((record) => (seen.push(textOf(record)), done));
      for (const value of ['one', 'two']) {
        const transaction = await producer.transaction();
        await transaction.send({ topic, messages: [{ value, partition: 0 }] });
        await transaction.commit();
        await eventually(() => seen.includes(value));
      }
      await producer.disconnect();
      expect(gone()).toEqual([]);
    });
  });

  it('is shared out anew while a fault lasts: nobody waits for the one who waits', async () => {
    let isFaulty = true;
    const seen = new Set<string>();
    const handle: Handle = (record) => {
      if (isFaulty) throw new Error('away');
      seen.add(textOf(record));
      return done;
    };
    await write(['one']);
    await write(['two'], 1);
    await consume(handle);
    await eventually(() => told.some((line) => line.includes('waits for a fault')));
    // Resolves only once the first member has let go of what it holds.
    await consume(handle);
    isFaulty = false;
    await eventually(async () => (await committed(0)) === 1 && (await committed(1)) === 1);
    expect(seen).toEqual(new Set(['one', 'two']));
  });
});
