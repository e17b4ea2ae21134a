import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type Message } from 'kafkajs';
import { connectKafka } from '#kafka-rpc/kafka-connection';
import { Outbox } from '#kafka-rpc/outbox';
import { eventually } from '#testing/eventually';
import { anyKafka } from '#testing/kafka-process';
import { KafkaRig } from '#testing/kafka-rig';
import { requires } from '#testing/requires';

const SMALL_BYTES = 10_000;
const LARGE = 'x'.repeat(2 * SMALL_BYTES);

requires(anyKafka)('what is to be written', () => {
  let rig: KafkaRig;
  let outbox: Outbox;
  let settled: Map<string, string>;

  beforeEach(async () => {
    settled = new Map();
    rig = await KafkaRig.open([]);
    await rig.create([
      { topic: rig.topic('any'), numPartitions: 2 },
      {
        topic: rig.topic('small'),
        numPartitions: 2,
        configEntries: [{ name: 'max.message.bytes', value: String(SMALL_BYTES) }],
      },
    ]);
    outbox = new Outbox(connectKafka({ brokers: rig.brokers }));
    await outbox.connect();
  });
  afterEach(async () => {
    await outbox.disconnect();
    await rig.close();
  });

  const add = (name: string, topic: string, message: Partial<Message> = {}, forMs = 20_000, isWanted = () => true) =>
    outbox.add({
      topic: rig.topic(topic),
      message: { value: name, ...message },
      deadlineMs: Date.now() + forMs,
      isWanted,
      settle: (error) => {
        if (settled.has(name)) settled.set(name, 'twice');
        else settled.set(name, error === undefined ? 'written' : error === 'expired' ? error : 'failed');
      },
    });
  const those = (outcome: string) => [...settled].filter(([, one]) => one === outcome).map(([name]) => name);

  it('fails alone, whatever else was given with it', async () => {
    const names = Array.from({ length: 40 }, (_, n) => `n${n}`);
    const reader = await rig.read(rig.topic('small'));
    for (const name of names) {
      add(`${name} elsewhere`, 'any', { partition: 1 });
      if (name === 'n7') add(name, 'small', { value: LARGE });
      // Headers alone are too large as well.
      else if (name === 'n23') add(name, 'small', { value: null, headers: { error: LARGE } });
      else add(name, 'small');
    }
    await eventually(() => settled.size === 80);

    expect(those('failed')).toEqual(expect.arrayContaining(['n7', 'n23']));
    expect(those('failed')).toHaveLength(2);
    expect(those('written')).toHaveLength(78);
    const fitting = names.filter((name) => name !== 'n7' && name !== 'n23');
    const values = () => new Set(reader.messages.map(({ value }) => String(value)));
    await reader.until(() => values().size >= fitting.length);
    expect([...values()].toSorted()).toEqual(fitting.toSorted());
    expect(outbox.bytes).toBe(0);
  });

  it('waits alone for a topic that is not there, and is written once it is', async () => {
    add('late', 'missing', {}, 60_000);
    add('short', 'missing', {}, 100);
    add('first', 'any');
    await eventually(() => settled.get('first') === 'written');
    expect(settled.has('late')).toBe(false);
    add('second', 'any');
    await eventually(() => settled.get('second') === 'written' && settled.get('short') === 'expired');
    expect(settled.has('late')).toBe(false);

    await rig.create([{ topic: rig.topic('missing'), numPartitions: 1 }]);
    await eventually(() => settled.get('late') === 'written');
    expect(outbox.bytes).toBe(0);
  });
});
