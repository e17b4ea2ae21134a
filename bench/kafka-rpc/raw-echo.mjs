/**
 * A request and its reply with kafkajs alone: no framework, no Redis, no validation, the message sent back as it came.
 * What one message per request costs at the least, on this machine and this broker.
 */
import { randomBytes } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { restIdleTimers, socketFactory } from './kafkajs-tuning.mjs';

const ANSWER_WITHIN_MS = 10_000;

export const rawEcho = {
  async serve({ topic, group, brokers, partitions }) {
    const { producer, consumer } = await kafka(brokers, `${group}-server`);
    const isReady = joined(consumer);
    await consumer.subscribe({ topic });
    await consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: partitions,
      eachMessage: ({ message: { value, headers } }) => {
        const partition = Number(headers.partition);
        const messages = [{ value, headers: { id: headers.id }, partition }];
        void producer.send({ topic: `${topic}.reply`, acks: 1, messages }).catch(report);
      },
    });
    await isReady;
  },

  async connect({ topic, group, brokers, partitions }) {
    const { producer, consumer } = await kafka(brokers, `${group}-client`);
    const waiting = new Map();
    const prefix = randomBytes(16).toString('hex');
    let sent = 0;
    let partition;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      partition = Math.min(...payload.memberAssignment[`${topic}.reply`]);
    });
    const isReady = joined(consumer);
    await consumer.subscribe({ topic: `${topic}.reply` });
    await consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: partitions,
      eachMessage: ({ message: { value, headers } }) => waiting.get(String(headers.id))?.(String(value)),
    });
    await isReady;
    return ({ hash }) =>
      new Promise((resolve, reject) => {
        const id = `${prefix}${(sent += 1)}`;
        const timer = setTimeout(() => end(() => reject(new Error('no answer in time'))), ANSWER_WITHIN_MS);
        const end = (settle) => {
          clearTimeout(timer);
          waiting.delete(id);
          settle();
        };
        waiting.set(id, (value) => end(() => resolve(JSON.parse(value).hash === hash)));
        const message = { value: JSON.stringify({ hash }), headers: { id, partition: String(partition) } };
        producer.send({ topic, acks: 1, messages: [message] }).catch((fault) => end(() => reject(fault)));
      });
  },
};

async function kafka(brokers, groupId) {
  restIdleTimers();
  const client = new Kafka({ brokers, socketFactory, logLevel: logLevel.ERROR });
  const producer = client.producer({ allowAutoTopicCreation: false });
  const consumer = client.consumer({ groupId, maxWaitTimeInMs: 250, allowAutoTopicCreation: false });
  await Promise.all([producer.connect(), consumer.connect()]);
  return { producer, consumer };
}

function joined(consumer) {
  return new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
}

function report(fault) {
  console.error(fault);
}
