import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type EachMessagePayload, Kafka, logLevel } from 'kafkajs';
import { kafkaServer, type OwnKafka, startKafka } from '#testing/kafka-process';
import { createTopics } from '#testing/kafka-topics';
import { requires } from '#testing/requires';

requires(kafkaServer)('a Kafka of a test’s own', () => {
  let broker: OwnKafka;

  beforeAll(async () => {
    broker = await startKafka();
  });

  afterAll(() => broker.stop());

  function client(): Kafka {
    return new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING });
  }

  async function produce(topic: string, value: string): Promise<void> {
    const producer = client().producer({ allowAutoTopicCreation: false });
    await producer.connect();
    await producer.send({ topic, messages: [{ value }] });
    await producer.disconnect();
  }

  function create(topic: string): Promise<void> {
    return createTopics(broker.brokers, [{ topic, numPartitions: 1 }]);
  }

  /** The first `count` values of a topic, by a group of its own. */
  async function consume(topic: string, count: number): Promise<string[]> {
    const consumer = client().consumer({
      groupId: `${topic}-${String(Math.random())}`,
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: 50,
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const values: string[] = [];
    await new Promise<void>((isDone, fail) => {
      const eachMessage = ({ message }: EachMessagePayload) => {
        values.push(message.value!.toString('utf8'));
        if (values.length === count) isDone();
        return Promise.resolve();
      };
      consumer.run({ eachMessage }).catch(fail);
    });
    await consumer.disconnect();
    return values;
  }

  it('takes a message and gives it out', async () => {
    await create('greetings');
    await produce('greetings', 'hello');
    expect(await consume('greetings', 1)).toEqual(['hello']);
  });

  it('keeps its port and what it acknowledged over a restart', async () => {
    await create('kept');
    await produce('kept', 'before');
    const { port, pid } = broker;
    await broker.restart();
    expect(broker.port).toBe(port);
    expect(broker.pid).not.toBe(pid);
    await produce('kept', 'after');
    expect(await consume('kept', 2)).toEqual(['before', 'after']);
  });

  it('comes back after it was killed', async () => {
    await create('killed');
    await broker.kill();
    await broker.restart();
    await produce('killed', 'after');
    expect(await consume('killed', 1)).toEqual(['after']);
  });
});
