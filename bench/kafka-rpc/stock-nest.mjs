/** NestJS' own Kafka transport: as its documentation has it, and tuned as far as its options go. */
import 'reflect-metadata';
import { Buffer } from 'node:buffer';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientKafka, MessagePattern, Payload, Transport } from '@nestjs/microservices';
import { Redis } from 'ioredis';
import { firstValueFrom, timeout } from 'rxjs';
import { restIdleTimers, socketFactory } from './kafkajs-tuning.mjs';

const ANSWER_WITHIN_MS = 10_000;

export const stockDefaults = arm({
  options: ({ brokers }) => ({ client: { brokers } }),
  redis: {},
  nest: {},
  ask: (client, topic, request) => firstValueFrom(client.send(topic, request)),
});

export const stockTuned = arm({
  prepare: restIdleTimers,
  options: ({ brokers, partitions }) => ({
    client: { brokers, socketFactory },
    consumer: { maxWaitTimeInMs: 250, allowAutoTopicCreation: false },
    producer: { allowAutoTopicCreation: false },
    run: { autoCommit: false, partitionsConsumedConcurrently: partitions },
    send: { acks: 1 },
  }),
  redis: { enableAutoPipelining: true },
  nest: { logger: false },
  ask: (client, topic, request) => firstValueFrom(client.send(topic, request).pipe(timeout(ANSWER_WITHIN_MS))),
});

function arm({ prepare = () => undefined, options, redis, nest, ask }) {
  return {
    async serve({ topic, group, redisUrl, shardKey, ...kafka }) {
      prepare();
      const lookup = new Redis(redisUrl, redis);
      const module = verifyModule(topic, lookup, shardKey);
      const service = await NestFactory.createMicroservice(module, {
        ...nest,
        transport: Transport.KAFKA,
        options: withGroup(options(kafka), group),
      });
      await service.listen();
    },
    async connect({ topic, group, ...kafka }) {
      prepare();
      const client = new ClientKafka(withGroup(options(kafka), group));
      client.subscribeToResponseOf(topic);
      await client.connect();
      return async ({ hash, keyId }) => {
        const { valid } = await ask(client, topic, { hash });
        return valid === (keyId !== undefined);
      };
    },
  };
}

function withGroup(options, groupId) {
  return { ...options, consumer: { ...options.consumer, groupId } };
}

/** The same question to the same hash in Redis as ours; whether it is there is all the verdict that is asked of it. */
function verifyModule(topic, lookup, shardKey) {
  class VerifyController {
    async verify({ hash }) {
      const field = Buffer.from(hash.slice('sha256$'.length), 'hex');
      const record = await lookup.hgetBuffer(shardKey, field);
      return { valid: record !== null };
    }
  }
  const verify = Object.getOwnPropertyDescriptor(VerifyController.prototype, 'verify');
  MessagePattern(topic)(VerifyController.prototype, 'verify', verify);
  Payload()(VerifyController.prototype, 'verify', 0);
  Controller()(VerifyController);
  class VerifyModule {}
  Module({ controllers: [VerifyController] })(VerifyModule);
  return VerifyModule;
}
