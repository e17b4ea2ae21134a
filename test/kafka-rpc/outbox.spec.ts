import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type Message } from 'kafkajs';
import { connectKafka } from '#kafka-rpc/kafka-connection';
import { Outbox } from '#kafka-rpc/outbox';
import { kafkaServer, type OwnKafka, startKafka } from '#testing/kafka-process';
import { requires } from '#testing/requires';
import { eventually, Rig } from './rig.ts';

const SMALL_BYTES = 10_000;
const LARGE = 'x'.repeat(2 * SMALL_BYTES);

requires(kafkaServer)('what is to be written', () => {
  let kafka: OwnKafka;
  let rig: Rig;
  let outbox: Outbox;
  let settled: Map<string, string>;

  beforeAll(async () => {
    kafka = await startKafka();
  });
  afterAll(() => kafka.stop());
  beforeEach(async () => {
    settled = new Map();
    rig = await Rig.open(kafka.brokers, []);
    await rig.create([
      { topic: rig.topic('any'), numPartitions: 2 },
      {
        topic: rig.topic('small'),
        numPartitions: 2,
        configEntries: [{ name: 'max.message.bytes', value: String(SMALL_BYTES) }],
      },
    ]);
    outbox = new Outbox(connectKafka({ brokers: kafka.brokers }));
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

  it('is counted while it is kept, with its headers, and dropped when it waits for nothing', async () => {
    add('before', 'any');
    await eventually(() => settled.size === 1);
    await kafka.pause();
    try {
      let isWanted = true;
      add('under way', 'any', { value: 'x'.repeat(1_000) });
      await new Promise((resolve) => setImmediate(resolve));
      add('given up', 'any', { value: null, headers: { error: 'x'.repeat(50_000) } }, 20_000, () => isWanted);
      add('waits', 'any', { value: 'x'.repeat(10_000) });
      expect(outbox.bytes).toBeGreaterThan(61_000);
      outbox.prune();
      expect(outbox.bytes).toBeGreaterThan(61_000);

      isWanted = false;
      outbox.prune();
      expect(settled.get('given up')).toBe('expired');
      expect(outbox.bytes).toBeGreaterThan(11_000);
      expect(outbox.bytes).toBeLessThan(12_000);
    } finally {
      await kafka.resume();
    }
    await eventually(() => settled.get('waits') === 'written' && settled.get('under way') === 'written');
    expect(outbox.bytes).toBe(0);
  });
});
