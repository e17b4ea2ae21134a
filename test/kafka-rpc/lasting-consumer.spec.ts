import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { connectKafka } from '#kafka-rpc/kafka-connection';
import { LastingConsumer } from '#kafka-rpc/lasting-consumer';
import { anyKafka } from '#testing/kafka-process';
import { type KafkaRelay } from '#testing/kafka-relay';
import { KafkaRig } from '#testing/kafka-rig';
import { eventually } from '#testing/eventually';
import { requires } from '#testing/requires';

/** Less than kafkajs needs to give a request up, more than any pause of a consumer that is well. */
const STALLED_MS = 4_000;

requires(anyKafka)('a consumer that lasts', () => {
  let relay: KafkaRelay;
  let rig: KafkaRig;
  let consumer: LastingConsumer;
  let groupId: string;
  let joins: number;
  let seen: string[];

  beforeEach(async () => {
    rig = await KafkaRig.open(['ask']);
    relay = await rig.relay();
    joins = 0;
    seen = [];
    groupId = `g-${randomBytes(6).toString('hex')}`;
    consumer = new LastingConsumer(connectKafka({ brokers: relay.brokers }), {
      config: () => ({ groupId }),
      topics: () => [rig.topic('ask')],
      fromBeginning: true,
      partitionsAtOnce: 1,
      eachBatch: ({ batch }) => {
        const values = batch.messages.map(({ value }) => String(value));
        seen.push(...values);
        if (values.includes('fault')) throw new TypeError('a fault of the handler');
        return Promise.resolve();
      },
      onJoin: () => (joins += 1),
      stalledMs: STALLED_MS,
    });
  });
  afterEach(async () => {
    await consumer.stop();
    await rig.close();
  });

  const write = (value: string) => rig.producer.send({ topic: rig.topic('ask'), messages: [{ value }] });

  it('is replaced when it has ended for a reason that kafkajs does not restart for, and is not live meanwhile', async () => {
    await consumer.start();
    const first = consumer.consumer;
    expect([consumer.isUp, consumer.isReading]).toEqual([true, true]);
    await write('fault');
    await eventually(() => !consumer.isUp && !consumer.isReading);
    await eventually(() => consumer.isUp && consumer.isReading);
    expect(consumer.consumer).not.toBe(first);
    expect(joins).toBeGreaterThan(1);
    // It went on where the other had been, which is at the fault.
    await eventually(() => seen.filter((value) => value === 'fault').length > 1);
  });

  it('is replaced when its connections are silent, though they do not end', async () => {
    await consumer.start();
    const first = consumer.consumer;
    relay.mute();
    await eventually(() => consumer.consumer !== first && consumer.isReading);
    expect(consumer.isUp).toBe(true);
    await write('after');
    await eventually(() => seen.includes('after'));
  });

  /** What nobody is in any more the broker calls empty, or dead when it has forgotten it. */
  const nobodyIsLeft = () =>
    eventually(async () => {
      const [group] = (await rig.admin.describeGroups([groupId])).groups;
      return group?.state === 'Empty' || group?.state === 'Dead';
    });

  it('ends, too, while it is being replaced', async () => {
    await consumer.start();
    await write('fault');
    await eventually(() => !consumer.isReading);
    await consumer.stop();
    await nobodyIsLeft();
    expect(consumer.isReading).toBe(false);
  });

  it('ends, too, while it is still joining, and is not left in the group', async () => {
    // Otherwise the broker waits for nobody and the join is over at once.
    const other = rig.kafka.consumer({ groupId, rebalanceTimeout: 2_000 });
    await other.connect();
    await other.subscribe({ topic: rig.topic('ask') });
    await other.run({ eachMessage: () => Promise.resolve() });
    const started = consumer.start().then(
      () => 'reads',
      () => 'was stopped',
    );
    await eventually(async () => {
      const [group] = (await rig.admin.describeGroups([groupId])).groups;
      return group?.state === 'PreparingRebalance';
    });
    await consumer.stop();
    await started;
    await other.disconnect();
    await nobodyIsLeft();
    expect(consumer.isReading).toBe(false);
    await expect(consumer.start()).rejects.toThrow('This consumer was stopped');
  });
});
