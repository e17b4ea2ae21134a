import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { type INestMicroservice, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type Admin,
  type Consumer,
  type ITopicConfig,
  Kafka,
  type KafkaMessage,
  logLevel,
  type Producer,
} from 'kafkajs';
import { KafkaRpcClient, type KafkaRpcClientOptions } from '#kafka-rpc/kafka-rpc-client';
import { KafkaRpcServer, type KafkaRpcServerOptions } from '#kafka-rpc/kafka-rpc-server';
import { type MessageContract } from '#runtime/list-dispatch';

/** Everything that a suite opens, on topics of its own, closed together. */
export class Rig {
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

  /** With a request topic and its `.reply` for each pattern. */
  static async open(brokers: readonly string[], patterns: readonly string[], partitions = 1): Promise<Rig> {
    const rig = new Rig(brokers);
    await rig.admin.connect();
    await rig.producer.connect();
    rig.#closing.push(
      () => rig.admin.disconnect(),
      () => rig.producer.disconnect(),
    );
    await rig.topics(patterns, partitions);
    return rig;
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
  async read(topic: string): Promise<Reader> {
    const reader = new Reader(
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

export class Reader {
  readonly messages: (KafkaMessage & { partition: number })[] = [];
  #onNews: (() => void)[] = [];

  constructor(readonly consumer: Consumer) {}

  async start(topic: string): Promise<void> {
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [topic], fromBeginning: true });
    const joined = new Promise((resolve) => this.consumer.on(this.consumer.events.GROUP_JOIN, resolve));
    await this.consumer.run({
      autoCommit: false,
      eachMessage: ({ message, partition }) => {
        this.messages.push({ ...message, partition });
        for (const tell of this.#onNews.splice(0)) tell();
        return Promise.resolve();
      },
    });
    await joined;
  }

  async until(holds: (messages: Reader['messages']) => boolean): Promise<Reader['messages']> {
    while (!holds(this.messages)) await new Promise<void>((resolve) => this.#onNews.push(resolve));
    return this.messages;
  }
}

/** Looks again and again: for what nobody tells. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Lets a handler wait for its test. */
export interface Gate {
  readonly promise: Promise<void>;
  readonly open: () => void;
}

export function aGate(): Gate {
  const opened = new EventEmitter<{ open: [] }>();
  const promise = once(opened, 'open').then(() => undefined);
  return { promise, open: () => opened.emit('open') };
}
