import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { KafkaRecordLog } from '#kafka-rpc/record-log';
import { kafkaServer, type OwnKafka, startKafka } from '#testing/kafka-process';
import { requires } from '#testing/requires';
import { Rig } from './rig.ts';

requires(kafkaServer)('a log of records', () => {
  let kafka: OwnKafka;
  let rig: Rig;
  let topic: string;
  let log: KafkaRecordLog;
  let lot = 0;

  beforeAll(async () => {
    kafka = await startKafka();
    rig = await Rig.open(kafka.brokers, []);
  });
  afterAll(async () => {
    await rig.close();
    await kafka.stop();
  });
  beforeEach(async () => {
    topic = `${rig.topicPrefix}log-${++lot}`;
    await rig.admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1 }] });
    log = new KafkaRecordLog(topic, { brokers: kafka.brokers });
  });
  afterEach(() => log.close());

  const valuesOf = async (until: string) => {
    const reader = await rig.read(topic);
    const messages = await reader.until((all) => all.some(({ value }) => String(value) === until));
    return messages.map(({ value }) => String(value));
  };
  const numbers = (prefix: string, count: number) => Array.from({ length: count }, (_, nth) => `${prefix}-${nth}`);

  it('keeps the order in which records were appended', async () => {
    for (let nth = 0; nth < 20; nth++) await log.append([`${nth}a`, `${nth}b`]);
    const expected = Array.from({ length: 20 }, (_, nth) => [`${nth}a`, `${nth}b`]).flat();
    expect(await valuesOf('19b')).toEqual(expected);
  });

  // The broker has what it did not acknowledge; what comes next has as many records, or more.
  it.each([1, 3])('loses none of the next %d records after some that may or may not be there', async (count) => {
    await log.append(['before']);
    await kafka.pause();
    // It takes the request once it is awake, long after the caller has given up.
    await expect(log.append(['unknown'])).rejects.toThrow();
    await kafka.resume();
    const next = numbers('next', count);
    await untilAppended(next);
    const values = await valuesOf(next.at(-1)!);
    expect(values[0]).toBe('before');
    // An attempt that failed may have written them, too.
    expect([...new Set(values.filter((value) => value.startsWith('next')))]).toEqual(next);
  });

  it.each([1, 3])('would lose the next %d, were they written by the same idempotent producer', async (count) => {
    const impatient = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING, requestTimeout: 1_000 });
    const producer = impatient.producer({ idempotent: true, maxInFlightRequests: 1, retry: { retries: 1 } });
    await producer.connect();
    const write = (values: readonly string[]) =>
      producer.send({ topic, acks: -1, messages: values.map((value) => ({ value, partition: 0 })) });
    await write(['before']);
    await kafka.pause();
    await expect(write(['unknown'])).rejects.toThrow();
    await kafka.resume();
    await valuesOf('unknown');
    const next = numbers('next', count);
    await write(next).catch(() => undefined);
    await write(next).catch(() => undefined);
    await producer.disconnect();
    await log.append(['end']);
    const values = await valuesOf('end');
    // Taken for a repetition, or refused for ever.
    expect(values.filter((value) => value.startsWith('next'))).not.toEqual([...next, ...next]);
  });

  async function untilAppended(records: readonly string[]): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await log.append(records);
        return;
      } catch (error) {
        if (attempt === 20) throw error;
      }
    }
  }
});
