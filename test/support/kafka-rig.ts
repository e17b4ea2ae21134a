import { randomBytes } from 'node:crypto';
import { type INestMicroservice, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type Admin, type ITopicConfig, Kafka, logLevel, type Producer } from 'kafkajs';
import { KafkaRpcClient, type KafkaRpcClientOptions } from '#kafka-rpc/kafka-rpc-client';
import { KafkaRpcServer, type KafkaRpcServerOptions } from '#kafka-rpc/kafka-rpc-server';
import { type MessageContract } from '#runtime/list-dispatch';
import { eventually } from './eventually.ts';
import { sharedKafka } from './kafka-process.ts';
import { KafkaRelay } from './kafka-relay.ts';
import { TopicReader } from './topic-reader.ts';

/** Everything that a suite opens, on topics of its own, closed together. */
export class KafkaRig {
  readonly topicPrefix = `t${randomBytes(6).toString('hex')}.`;
  readonly groupId = `g-${this.topicPrefix}`;
  /** Plain kafkajs, to look and to interfere. */
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly producer: Producer;
  readonly #closing: (() => Promise<unknown>)[] = [];

  private constructor(readonly brokers: readonly string[]) {
    this.kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
    this.admin = this.kafka.admin();
    this.producer = this.kafka.producer({ allowAutoTopicCreation: false });
  }

  /** With a request topic and its `.reply` for each pattern, by default on the broker that all specs share. */
  static async open(
    patterns: readonly string[],
    { partitions = 1, brokers }: { readonly partitions?: number; readonly brokers?: readonly string[] } = {},
  ): Promise<KafkaRig> {
    const rig = new KafkaRig(brokers ?? (await sharedKafka()).brokers);
    await rig.admin.connect();
    await rig.producer.connect();
    rig.#closing.push(
      () => rig.admin.disconnect(),
      () => rig.producer.disconnect(),
    );
    await rig.topics(patterns, partitions);
    return rig;
  }

  /** In front of the broker, until all that reaches the broker through it is closed. */
  async relay(): Promise<KafkaRelay> {
    const relay = await KafkaRelay.open(this.brokers[0] ?? '');
    this.#closing.unshift(() => relay.close());
    return relay;
  }

  async topics(patterns: readonly string[], partitions = 1, replyPartitions = 2): Promise<void> {
    await this.create(
      patterns.flatMap((pattern) => [
        {
          topic: this.topic(pattern),
          numPartitions: partitions,
          configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
        },
        { topic: `${this.topic(pattern)}.reply`, numPartitions: replyPartitions },
      ]),
    );
  }

  /** Resolves when they can be written; kafkajs' own `waitForLeaders` gives up on a topic that isn't known at once. */
  async create(topics: readonly ITopicConfig[]): Promise<void> {
    await this.admin.createTopics({ waitForLeaders: false, topics: [...topics] });
    const names = topics.map(({ topic }) => topic);
    const areThere = async () => {
      const metadata = await this.admin.fetchTopicMetadata({ topics: names });
      return metadata.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
    };
    await eventually(() => areThere().catch(() => false));
  }

  topic(pattern: string): string {
    return this.topicPrefix + pattern;
  }

  async serve(
    controller: Type,
    contract: MessageContract = { requestSchema: () => undefined, refuse: () => undefined },
    options: Partial<KafkaRpcServerOptions> = {},
  ): Promise<{ server: KafkaRpcServer; app: INestMicroservice }> {
    @Module({ controllers: [controller] })
    class ServiceModule {}
    const { brokers, groupId, topicPrefix } = this;
    const server = new KafkaRpcServer(contract, { brokers, groupId, topicPrefix, ...options });
    const app = await NestFactory.createMicroservice(ServiceModule, {
      strategy: server,
      logger: false,
      abortOnError: false,
    });
    this.#closing.push(() => app.close());
    await app.listen();
    return { server, app };
  }

  async client(patterns: readonly string[], options: Partial<KafkaRpcClientOptions> = {}): Promise<KafkaRpcClient> {
    const { brokers, topicPrefix } = this;
    const client = new KafkaRpcClient({ brokers, topicPrefix, patterns, ...options });
    this.#closing.push(() => client.close());
    await client.connect();
    return client;
  }

  /** Reads a topic from its beginning; `until` resolves once the condition holds for what was read. */
  async read(topic: string): Promise<TopicReader> {
    const reader = new TopicReader(
      this.kafka.consumer({ groupId: `r-${randomBytes(6).toString('hex')}`, maxWaitTimeInMs: 50 }),
    );
    this.#closing.push(() => reader.consumer.disconnect());
    await reader.start(topic);
    return reader;
  }

  /** The group's committed offset of a partition; -1 when there is none. */
  async committed(pattern: string, partition = 0): Promise<number> {
    const topic = this.topic(pattern);
    const [offsets] = await this.admin.fetchOffsets({ groupId: this.groupId, topics: [topic] });
    return Number(offsets?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).toReversed()) await close().catch(() => undefined);
  }
}
