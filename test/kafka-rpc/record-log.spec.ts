import { afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { KafkaRecordLog } from '#kafka-rpc/record-log';
import { anyKafka, sharedKafka } from '#testing/kafka-process';
import { requires } from '#testing/requires';
import { LossyRelay } from './lossy-relay.ts';
import { Rig } from './rig.ts';

const TOPIC = 'records';

requires(anyKafka)('a log of records whose acknowledgements are lost', () => {
  let brokers: readonly string[];
  let rig: Rig;
  let relay: LossyRelay;

  beforeAll(async () => {
    ({ brokers } = await sharedKafka());
  });
  beforeEach(async () => {
    rig = await Rig.open(brokers, []);
    await rig.create([{ topic: rig.topic(TOPIC), numPartitions: 1 }]);
    relay = await LossyRelay.open(brokers[0]!);
  });
  afterEach(async () => {
    await relay.close();
    await rig.close();
  });

  /** What is in the topic once the last record is one that is written past the relay. */
  const written = async () => {
    await rig.producer.send({ topic: rig.topic(TOPIC), messages: [{ value: 'end' }] });
    const reader = await rig.read(rig.topic(TOPIC));
    const messages = await reader.until((all) => String(all.at(-1)?.value) === 'end');
    return messages.slice(0, -1).map(({ value }) => String(value));
  };

  it('has what it takes after a rejection', async () => {
    const log = new KafkaRecordLog(rig.topic(TOPIC), { brokers: [relay.broker] });
    await log.append(['before']);
    relay.isLossy = true;
    await expect(log.append(['unknown'])).rejects.toThrow();
    expect(relay.lost).toBeGreaterThan(0);
    relay.isLossy = false;
    await log.append(['after']);
    await log.append(['last']);
    await log.close();

    expect(await written()).toEqual(['before', 'unknown', 'after', 'last']);
  });

  it('would lose it with the same producer, and say that it is there', async () => {
    const kafka = new Kafka({ brokers: [relay.broker], logLevel: logLevel.NOTHING });
    const producer = kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      idempotent: true,
      maxInFlightRequests: 1,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 3 },
    });
    const append = (value: string) => producer.send({ topic: rig.topic(TOPIC), messages: [{ value }], acks: -1 });
    await producer.connect();
    await append('before');
    relay.isLossy = true;
    await expect(append('unknown')).rejects.toThrow();
    relay.isLossy = false;
    await append('after');
    await producer.disconnect();

    expect(await written()).toEqual(['before', 'unknown']);
  });
});
