import { NestFactory } from '@nestjs/core';
import { messageContract } from '#contracts/message-contract';
import { USERS_DELETED_DEAD_LETTER_TOPIC, USERS_DELETED_TOPIC } from '#contracts/users-deleted';
import { EventStore } from '#event-store/event-store';
import { KafkaEventConsumer } from '#kafka-rpc/event-consumer';
import { KafkaRpcServer } from '#kafka-rpc/kafka-rpc-server';
import { kafkaConnection } from '#kafka-rpc/settings';
import { waitForTopics } from '#kafka-rpc/topics';
import { serveHealth } from '#runtime/health-server';
import { runService } from '#runtime/run-service';
import { CommandModule } from './command.module.ts';
import { commandSettings } from './settings.ts';
import { UsersDeleted } from './users-deleted.ts';

/** Commands and queries over Kafka, and deletions that arrive as events. Any number of replicas may run. */
void runService({
  settings: commandSettings,
  start: async (settings, { nest, shutdown }) => {
    const { TOPIC_PREFIX: prefix } = settings;
    const connection = kafkaConnection(settings, 'command');
    const eventStore = EventStore.connect(settings.EVENTSTORE_URL);
    const server = new KafkaRpcServer(messageContract, {
      ...connection,
      groupId: `${prefix}command`,
      topicPrefix: prefix,
    });
    const app = await NestFactory.createMicroservice(
      CommandModule.register({ eventStore, scopes: settings.SCOPES_FILE }),
      { strategy: server, ...nest },
    );
    const usersDeleted = app.get(UsersDeleted);
    const deletions = new KafkaEventConsumer({
      ...connection,
      groupId: `${prefix}command.users-deleted`,
      topic: prefix + USERS_DELETED_TOPIC,
      deadLetterTopic: prefix + USERS_DELETED_DEAD_LETTER_TOPIC,
      handle: (record) => usersDeleted.handle(record),
    });
    const health = await serveHealth({
      host: settings.HEALTH_HOST,
      port: settings.HEALTH_PORT,
      logger: nest.logger,
      live: [
        { name: 'commands', isUp: () => server.isUp() },
        { name: 'deletions', isUp: () => deletions.isUp() },
      ],
      ready: [
        { name: 'running', isUp: () => !shutdown.isStopping },
        { name: 'kafka', isUp: () => server.isReading() && deletions.isReading() },
        { name: 'event store', isUp: () => eventStore.readHead({ deadlineMs: Date.now() + 900 }).then(() => true) },
      ],
    });
    shutdown.add('health', () => health.close());
    shutdown.add('event store client', () => eventStore.close());
    await waitForTopics(connection, [prefix + USERS_DELETED_TOPIC, `${prefix}keys.create`], shutdown.signal);
    if (shutdown.isStopping) return;
    shutdown.add('commands', () => app.close());
    await app.listen();
    shutdown.add('deletions', () => deletions.close());
    await deletions.start();
    nest.logger.log('The command service answers.', 'Command');
  },
});
