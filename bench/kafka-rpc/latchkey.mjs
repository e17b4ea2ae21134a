/** What runs in production: the auth service on our transport and our Redis lookup, asked by our client library. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AuthModule } from '#auth/auth.module';
import { Requests } from '#client/requests';
import { joinVerifications } from '#contracts/join-verifications';
import { messageContract } from '#contracts/message-contract';
import { KafkaRpcClient } from '#kafka-rpc/kafka-rpc-client';
import { KafkaRpcServer } from '#kafka-rpc/kafka-rpc-server';
import { MemoryLastUse } from '#key-lookup/last-use';
import { RedisKeyLookup } from '#key-lookup/redis-key-lookup';

export const latchkey = {
  async serve({ prefix, group, redisUrl, brokers }) {
    const store = await RedisKeyLookup.connect({ url: redisUrl });
    const lookup = await store.reader({ maxStalenessMs: 30_000, monotonicMs: () => performance.now() });
    const strategy = new KafkaRpcServer(messageContract, { brokers, groupId: group, topicPrefix: prefix });
    const service = await NestFactory.createMicroservice(
      AuthModule.register({ lookup, lastUse: new MemoryLastUse() }),
      { strategy },
    );
    await service.listen();
  },

  async connect({ prefix, brokers }) {
    const client = new KafkaRpcClient({
      brokers,
      topicPrefix: prefix,
      patterns: ['keys.verify'],
      joining: { 'keys.verify': joinVerifications },
    });
    await client.connect();
    const requests = new Requests(client);
    return ({ hash, keyId }) =>
      requests
        .send('keys.verify', { hash })
        .then((verdict) =>
          keyId === undefined ? verdict.code === 'NOT_FOUND' : verdict.valid && verdict.keyId === keyId,
        );
  },
};
