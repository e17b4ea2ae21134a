import { randomBytes } from 'node:crypto';
import { AssignerProtocol, type Consumer, type Kafka, type KafkaMessage, type PartitionAssigner } from 'kafkajs';
import { ConsumerLife, type ConsumerStatus } from './consumer-life.ts';
import { MAX_WAIT_MS, RETRY } from './kafka-connection.ts';

/** By topic: the one partition of it that replies are to be sent to. */
export type ReplyPartitions = ReadonlyMap<string, number>;

/**
 * The least that brokers allow by default. After a restart of the broker kafkajs joins as another member, and Kafka waits
 * this long for the one that it was before: no reply is read meanwhile.
 */
const SESSION_MS = 6_000;
const HEARTBEAT_MS = 1_500;

/**
 * Reads replies, from one partition of each reply topic. kafkajs can't read without a consumer group, so there is one for
 * this consumer alone, under a name that was never used: nobody else's coming and going makes it rebalance, and as nothing
 * is ever committed the broker forgets it once it is empty. Where to read is kept here, not in the group: before the first
 * request the ends of the partitions are looked up, and after every rejoin reading goes on where it was. So no reply falls
 * between two positions.
 */
export class ReplyConsumer {
  readonly #kafka: Kafka;
  readonly #consumer: Consumer;
  readonly #life: ConsumerLife;
  readonly #onReply: (message: KafkaMessage) => void;
  readonly #positions = new Map<string, { readonly partition: number; offset: bigint }>();

  constructor(kafka: Kafka, onReply: (message: KafkaMessage) => void, onStatus: (status: ConsumerStatus) => void) {
    this.#kafka = kafka;
    this.#onReply = onReply;
    this.#consumer = kafka.consumer({
      groupId: `latchkey-replies-${randomBytes(12).toString('base64url')}`,
      partitionAssigners: [this.#assigner()],
      allowAutoTopicCreation: false,
      sessionTimeout: SESSION_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: MAX_WAIT_MS,
      readUncommitted: true,
      retry: RETRY,
    });
    this.#life = new ConsumerLife(this.#consumer, onStatus);
    this.#consumer.on(this.#consumer.events.GROUP_JOIN, () => this.#goOn());
  }

  get life(): ConsumerLife {
    return this.#life;
  }

  /**
   * Resolves when a reply to what is sent from then on will be read. Rejects when a topic is missing or Kafka can't be
   * asked. Partitions are chosen by chance: two callers on one partition only read past each other's replies.
   */
  async start(topics: readonly string[], chosen: number | undefined): Promise<ReplyPartitions> {
    const admin = this.#kafka.admin();
    try {
      await admin.connect();
      for (const topic of topics) {
        const ends = await admin.fetchTopicOffsets(topic);
        const end = ends.find(({ partition }) => partition === chosen) ?? ends[Math.floor(Math.random() * ends.length)];
        if (end === undefined) throw new Error(`The topic ${topic} has no partitions`);
        this.#positions.set(topic, { partition: end.partition, offset: BigInt(end.high) });
      }
    } finally {
      await admin.disconnect();
    }
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [...topics] });
    await this.#consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: topics.length,
      eachBatch: ({ batch: { topic, messages } }) => {
        this.#read(topic, messages);
        return Promise.resolve();
      },
    });
    await this.#life.joined;
    return new Map([...this.#positions].map(([topic, { partition }]) => [topic, partition]));
  }

  stop(): Promise<void> {
    return this.#consumer.disconnect();
  }

  #read(topic: string, messages: readonly KafkaMessage[]): void {
    const position = this.#positions.get(topic);
    for (const message of messages) {
      this.#onReply(message);
      if (position !== undefined) position.offset = BigInt(message.offset) + 1n;
    }
  }

  /** A member that has joined anew starts from the group's offsets, of which there are none. */
  #goOn(): void {
    for (const [topic, { partition, offset }] of this.#positions) {
      this.#consumer.seek({ topic, partition, offset: offset.toString() });
    }
  }

  /** Gives the one member of the group its partitions, and nobody the others. */
  #assigner(): PartitionAssigner {
    const name = 'LatchkeyReplies';
    const version = 0;
    return () => ({
      name,
      version,
      protocol: ({ topics }) => ({
        name,
        metadata: AssignerProtocol.MemberMetadata.encode({ version, topics, userData: Buffer.alloc(0) }),
      }),
      assign: ({ members }) => {
        const assignment = Object.fromEntries(
          [...this.#positions].map(([topic, { partition }]) => [topic, [partition]]),
        );
        return Promise.resolve(
          members.map(({ memberId }) => ({
            memberId,
            memberAssignment: AssignerProtocol.MemberAssignment.encode({
              version,
              assignment,
              userData: Buffer.alloc(0),
            }),
          })),
        );
      },
    });
  }
}
