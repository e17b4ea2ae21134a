import { setTimeout as delay } from 'node:timers/promises';
import { joinVerifications } from '#contracts/join-verifications';
import { TOPICS } from '#contracts/topics';
import { hintOf, KafkaRefused } from '#kafka-rpc/kafka-faults';
import { KafkaRpcClient } from '#kafka-rpc/kafka-rpc-client';
import { kafkaConnection, kafkaFields, kafkaRules } from '#kafka-rpc/settings';
import { waitForTopics } from '#kafka-rpc/topics';
import { HealthModule } from '#runtime/health';
import { runService } from '#runtime/run-service';
import { logLevel } from '#runtime/settings';
import { createGateway } from './create-gateway.ts';
import { gatewaySettings } from './settings.ts';

const RETRY_MS = 500;

/** HTTP for people and proxies; the services behind it are reached over Kafka. Any number of replicas may run. */
void runService({
  settings: gatewaySettings.safeExtend({ ...kafkaFields, LOG_LEVEL: logLevel.default('info') }).check(kafkaRules),
  start: async (settings, { logger, nest, shutdown }) => {
    const { TOPIC_PREFIX: prefix } = settings;
    const connection = kafkaConnection(settings, 'gateway');
    const patterns = Object.keys(TOPICS);
    const joining = { 'keys.verify': joinVerifications };
    const client = new KafkaRpcClient({ ...connection, topicPrefix: prefix, patterns, joining });
    shutdown.add('client', () => client.close());
    const health = HealthModule.register({
      live: [{ name: 'replies', isUp: () => client.isUp() }],
      ready: [
        { name: 'running', isUp: () => !shutdown.isStopping },
        { name: 'kafka', isUp: () => client.isReading() },
      ],
    });
    const gateway = await createGateway({
      settings,
      client,
      logger: nest.logger,
      requestLog: logger,
      imports: [health],
    });
    shutdown.add('gateway', () => gateway.close());
    await gateway.listen(settings.HTTP_PORT, settings.HTTP_HOST);
    nest.logger.log(`The gateway listens on ${await gateway.getUrl()}`, 'Gateway');
    const replies = patterns.map((pattern) => `${prefix}${pattern}.reply`);
    await waitForTopics(connection, replies, shutdown.signal);
    let isConnected = false;
    while (!isConnected && !shutdown.isStopping) {
      isConnected = await client.connect().then(
        () => true,
        (error: unknown) => {
          if (error instanceof KafkaRefused) throw error;
          nest.logger.warn(
            `Kafka does not answer: ${error instanceof Error ? error.message : 'unknown fault'}${hintOf(error)}`,
            'Gateway',
          );
          return false;
        },
      );
      if (!isConnected) await delay(RETRY_MS, undefined, { signal: shutdown.signal }).catch(() => undefined);
    }
  },
});
