import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { KafkaRecordLog } from '#kafka-rpc/record-log';
import { anyKafka } from '#testing/kafka-process';
import { KafkaRig } from '#testing/kafka-rig';
import { requires } from '#testing/requires';

/** What a broker that is silent makes of it: silent-broker.spec.ts. */
requires(anyKafka)('a log of records', () => {
  let rig: KafkaRig;

  beforeEach(async () => {
    rig = await KafkaRig.open([]);
  });
  afterEach(() => rig.close());

  it('keeps the order in which records were appended', async () => {
    const topic = rig.topic('log');
    await rig.create([{ topic, numPartitions: 1 }]);
    const log = new KafkaRecordLog(topic, { brokers: rig.brokers });
    for (let nth = 0; nth < 20; nth++) await log.append([`${nth}a`, `${nth}b`]);
    await log.close();
    const reader = await rig.read(topic);
    const messages = await reader.until(({ length }) => length >= 40);
    const expected = Array.from({ length: 20 }, (_, nth) => [`${nth}a`, `${nth}b`]).flat();
    expect(messages.map(({ value }) => String(value))).toEqual(expected);
  });
});
