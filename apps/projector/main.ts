import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { KEY_CHANGES_TOPIC } from '#contracts/key-changes';
import { EventStore } from '#event-store/event-store';
import { KafkaRecordLog } from '#kafka-rpc/record-log';
import { kafkaConnection } from '#kafka-rpc/settings';
import { waitForTopics } from '#kafka-rpc/topics';
import { RedisKeyLookup } from '#key-lookup/redis-key-lookup';
import { RedisLastUse } from '#key-lookup/redis-last-use';
import { RedisLease } from '#key-lookup/redis-lease';
import { serveHealth } from '#runtime/health-server';
import { runService } from '#runtime/run-service';
import { KeyChangeFeed } from './key-change-feed.ts';
import { ProjectorModule } from './projector.module.ts';
import { ProjectorService } from './projector.service.ts';
import { projectorSettings } from './settings.ts';

/** A head proof comes each second; several missed in a row say that something is wrong. */
const MAX_PROOF_AGE_MS = 10_000;

/** Keeps the lookup in Redis at the log's head, and tells caches. Of several replicas one leads, the others stand by. */
void runService({
  settings: projectorSettings,
  start: async (settings, { nest, shutdown }) => {
    const { TOPIC_PREFIX: prefix, REDIS_URL: url } = settings;
    const eventStore = EventStore.connect(settings.EVENTSTORE_URL);
    shutdown.add('event store client', () => eventStore.close());
    const lookup = await RedisKeyLookup.connect({ url });
    shutdown.add('lookup', () => lookup.close());
    const lease = await RedisLease.connect({ url });
    shutdown.add('lease', () => lease.close());
    const lastUse = await RedisLastUse.connect({
      url,
      onFault: (fault, keys) =>
        new Logger('LastUse').warn(`The last use of ${keys} deleted keys was not removed: ${String(fault)}`),
    });
    shutdown.add('last use', () => lastUse.close());
    const connection = kafkaConnection(settings, 'projector');
    const changes = new KafkaRecordLog(prefix + KEY_CHANGES_TOPIC, connection);
    shutdown.add('key changes', () => changes.close());
    const logger = new Logger('KeyChanges');
    const feed = new KeyChangeFeed(changes, {
      onFault: (fault) => logger.warn(`Caches can't be told of changes: ${String(fault)}`),
      onRecovery: () => logger.log('Caches are told of changes again.'),
    });
    shutdown.add('feed', () => feed.close());
    const app = await NestFactory.createApplicationContext(
      ProjectorModule.register({ eventStore, lookup, lease, feed, lastUse, shards: settings.LOOKUP_SHARDS }),
      nest,
    );
    shutdown.add('projector', () => app.close());
    const projector = app.get(ProjectorService);
    const follows = () => {
      const { caughtUp, provedAgoMs = Infinity } = projector.status;
      return caughtUp && provedAgoMs <= MAX_PROOF_AGE_MS;
    };
    const health = await serveHealth({
      host: settings.HEALTH_HOST,
      port: settings.HEALTH_PORT,
      logger: nest.logger,
      live: [],
      ready: [
        { name: 'running', isUp: () => !shutdown.isStopping },
        { name: 'event store', isUp: () => eventStore.readHead({ deadlineMs: Date.now() + 900 }).then(() => true) },
        { name: 'redis', isUp: () => lookup.live().then(() => true) },
        { name: 'projection', isUp: () => !lease.isHeld || follows() },
      ],
    });
    shutdown.add('health', () => health.close());
    // It leads without Kafka, too; but who is refused there shall know at once.
    await waitForTopics(connection, [prefix + KEY_CHANGES_TOPIC], shutdown.signal);
  },
});
