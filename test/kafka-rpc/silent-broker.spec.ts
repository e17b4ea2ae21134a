import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel, type Message } from 'kafkajs';
import { firstValueFrom } from 'rxjs';
import { connectKafka } from '#kafka-rpc/kafka-connection';
import { Outbox } from '#kafka-rpc/outbox';
import { KafkaRecordLog } from '#kafka-rpc/record-log';
import { type Delivery, type ListResult } from '#runtime/delivery';
import { RequestRecord } from '#runtime/request-record';
import { eventually } from '#testing/eventually';
import { kafkaServer, type OwnKafka, startKafka } from '#testing/kafka-process';
import { KafkaRig } from '#testing/kafka-rig';
import { requires } from '#testing/requires';

const PATTERNS = ['served', 'unserved'];

@Controller()
class Service {
  @MessagePattern('served', { list: true })
  served(@Payload() list: readonly Delivery<object>[]): ListResult<object> {
    return list.map(({ request }) => request);
  }
}

requires(kafkaServer)('a broker that is there and says nothing', () => {
  let kafka: OwnKafka;
  let rig: KafkaRig;

  beforeAll(async () => {
    kafka = await startKafka();
  });
  afterAll(() => kafka.stop());
  beforeEach(async () => {
    rig = await KafkaRig.open(PATTERNS, { brokers: kafka.brokers });
  });
  afterEach(() => rig.close());

  /** However the work ends, the broker answers the next test. */
  async function whileSilent(work: () => Promise<unknown>): Promise<void> {
    await kafka.pause();
    try {
      await work();
    } finally {
      await kafka.resume();
    }
  }

  it('leaves the client within its bounds, what was given up included', async () => {
    const client = await rig.client(PATTERNS, { maxPendingBytes: 1_000_000 });
    const fill = (size: number) => client.send('unserved', 'x'.repeat(size)).subscribe({ error: () => undefined });
    const large = (size: number) => {
      const record = new RequestRecord('x'.repeat(size), { deadlineMs: Date.now() + 300 });
      return firstValueFrom(client.send('unserved', record)).catch((error: unknown) => (error as Error).name);
    };
    // An answer shows that nothing is under way any more.
    await rig.serve(Service);
    expect(await firstValueFrom(client.send('served', { n: 1 }))).toEqual({ n: 1 });
    await whileSilent(async () => {
      const underWay = fill(500_000);
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      underWay.unsubscribe();
      // It hangs on its way, and nobody can take it back.
      expect(await large(600_000)).toBe('TransportOverloaded');

      fill(400_000).unsubscribe();
      // That one only waits behind it, and makes room.
      expect(await large(400_000)).toBe('RequestExpired');
    });
    await eventually(async () => (await large(600_000)) === 'RequestExpired');
  });

  it('has what is to be written counted while it is kept, with its headers, and dropped when it waits for nothing', async () => {
    const topic = rig.topic('any');
    await rig.create([{ topic, numPartitions: 2 }]);
    const outbox = new Outbox(connectKafka({ brokers: rig.brokers }));
    await outbox.connect();
    const settled = new Map<string, string>();
    const add = (name: string, message: Partial<Message> = {}, isWanted = () => true) =>
      outbox.add({
        topic,
        message: { value: name, ...message },
        deadlineMs: Date.now() + 20_000,
        isWanted,
        settle: (error) => settled.set(name, error === undefined ? 'written' : String(error)),
      });
    add('before');
    await eventually(() => settled.size === 1);
    await whileSilent(async () => {
      let isWanted = true;
      add('under way', { value: 'x'.repeat(1_000) });
      await new Promise((resolve) => setImmediate(resolve));
      add('given up', { value: null, headers: { error: 'x'.repeat(50_000) } }, () => isWanted);
      add('waits', { value: 'x'.repeat(10_000) });
      expect(outbox.bytes).toBeGreaterThan(61_000);
      outbox.prune();
      expect(outbox.bytes).toBeGreaterThan(61_000);

      isWanted = false;
      outbox.prune();
      expect(settled.get('given up')).toBe('expired');
      expect(outbox.bytes).toBeGreaterThan(11_000);
      expect(outbox.bytes).toBeLessThan(12_000);
    });
    await eventually(() => settled.get('waits') === 'written' && settled.get('under way') === 'written');
    expect(outbox.bytes).toBe(0);
    await outbox.disconnect();
  });

  describe('and a log of records', () => {
    /** By default it is ten seconds, twice, before a caller knows that it can't know. */
    const REQUEST_TIMEOUT_MS = 2_000;
    let topic: string;
    let log: KafkaRecordLog;

    beforeEach(async () => {
      topic = rig.topic('log');
      await rig.create([{ topic, numPartitions: 1 }]);
      log = new KafkaRecordLog(topic, { brokers: kafka.brokers, requestTimeoutMs: REQUEST_TIMEOUT_MS });
    });
    afterEach(() => log.close());

    const valuesOf = async (until: string) => {
      const reader = await rig.read(topic);
      const messages = await reader.until((all) => all.some(({ value }) => String(value) === until));
      return messages.map(({ value }) => String(value));
    };
    const numbers = (count: number) => Array.from({ length: count }, (_, nth) => `next-${nth}`);

    // The broker has what it did not acknowledge; what comes next has as many records, or more.
    it.each([1, 3])('loses none of the next %d records after some that may or may not be there', async (count) => {
      await untilAppended(['before']);
      // It takes the request once it is awake, long after the caller has given up.
      await whileSilent(() => expect(log.append(['unknown'])).rejects.toThrow());
      const next = numbers(count);
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
      await whileSilent(() => expect(write(['unknown'])).rejects.toThrow());
      await valuesOf('unknown');
      const next = numbers(count);
      await write(next).catch(() => undefined);
      await write(next).catch(() => undefined);
      await producer.disconnect();
      await untilAppended(['end']);
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
});
