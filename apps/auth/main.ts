import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { messageContract } from '#contracts/message-contract';
import { KafkaRpcServer } from '#kafka-rpc/kafka-rpc-server';
import { kafkaConnection } from '#kafka-rpc/settings';
import { waitForTopics } from '#kafka-rpc/topics';
import { RedisLastUse } from '#key-lookup/redis-last-use';
import { RedisLookupReader } from '#key-lookup/redis-lookup-reader';
import { serveHealth } from '#runtime/health-server';
import { runService } from '#runtime/run-service';
import { AuthModule } from './auth.module.ts';
import { authSettings } from './settings.ts';

/** Longer than two head proofs are apart. Where the lookup is away for longer, it is better to say so than to say nothing. */
const MAX_WAIT_FOR_LOOKUP_MS = 5_000;
const LOOK_MS = 50;

/** Verifications over Kafka, from a lookup in Redis. It keeps nothing: any number of replicas may run. */
void runService({
  settings: authSettings,
  start: async (settings, { nest, shutdown }) => {
    const { TOPIC_PREFIX: prefix, REDIS_URL: url } = settings;
    const connection = kafkaConnection(settings, 'auth');
    const logger = new Logger('Redis');
    const reader = await RedisLookupReader.connect({
      url,
      maxStalenessMs: settings.MAX_STALENESS_MS,
      monotonicMs: () => performance.now(),
      onState: (state, fault) =>
        state === 'lost'
          ? logger.warn(`The lookup is away: ${fault?.message ?? 'closed'}`)
          : logger.log('The lookup is there'),
    });
    const lastUse = await RedisLastUse.connect({
      url,
      onFault: (fault, keys) => logger.warn(`The last use of ${keys} keys was not written: ${String(fault)}`),
    });
    const server = new KafkaRpcServer(messageContract, {
      ...connection,
      groupId: `${prefix}auth`,
      topicPrefix: prefix,
    });
    const app = await NestFactory.createMicroservice(AuthModule.register({ lookup: reader, lastUse }), {
      strategy: server,
      ...nest,
    });
    const health = await serveHealth({
      host: settings.HEALTH_HOST,
      port: settings.HEALTH_PORT,
      logger: nest.logger,
      live: [{ name: 'verifications', isUp: () => server.isUp() }],
      ready: [
        { name: 'running', isUp: () => !shutdown.isStopping },
        { name: 'kafka', isUp: () => server.isReading() },
        { name: 'lookup', isUp: async () => (await reader.shards()).every(({ fresh }) => fresh) },
      ],
    });
    shutdown.add('health', () => health.close());
    shutdown.add('last use', () => lastUse.close());
    shutdown.add('lookup', () => reader.close());
    await waitForTopics(connection, [`${prefix}keys.verify`, `${prefix}keys.verify.reply`], shutdown.signal);
    // Until it has seen the lookup proved anew it can vouch for nothing, and what it was given the others would have answered.
    const isFresh = async () => (await reader.shards().catch(() => [])).some(({ fresh }) => fresh);
    const untilMs = performance.now() + MAX_WAIT_FOR_LOOKUP_MS;
    while (!shutdown.isStopping && performance.now() < untilMs && !(await isFresh())) await delay(LOOK_MS);
    if (shutdown.isStopping) return;
    shutdown.add('verifications', () => app.close());
    await app.listen();
    nest.logger.log('The auth service answers.', 'Auth');
  },
});
