import { randomBytes } from 'node:crypto';
import { AssignerProtocol, type Consumer, type Kafka, type KafkaMessage, type PartitionAssigner } from 'kafkajs';
import { type ConsumerStatus } from './consumer-life.ts';
import { LastingConsumer } from './lasting-consumer.ts';
import { whileTransient } from './retry.ts';

/** By topic: the one partition of it that replies are to be sent to. */
export type ReplyPartitions = ReadonlyMap<string, number>;

/** What the name of every such group begins with. */
export const REPLY_GROUPS = 'latchkey-replies-';

/** A broker that has just started can't tell yet who is in which group. */
const START_WITHIN_MS = 4_000;
const TOPICS_AT_ONCE = 16;

/**
 * Reads replies, from one partition of each reply topic. kafkajs can't read without a consumer group, so there is one for
 * this consumer alone, under a name that was never used: nobody else's coming and going makes it rebalance, and as nothing
 * is ever committed the broker forgets it once it is empty. Where to read is kept here, not in the group: before the first
 * request the ends of the partitions are looked up, and after every rejoin reading goes on where it was. So no reply falls
 * between two positions.
 *
 * What replaces a consumer that has failed is in yet another group: in the same one it would have to wait until the broker
 * has given up its predecessor.
 */
export class ReplyConsumer {
  readonly #kafka: Kafka;
  readonly #onReply: (message: KafkaMessage) => void;
  readonly #consumer: LastingConsumer;
  readonly #positions = new Map<string, { readonly partition: number; offset: bigint }>();

  constructor(kafka: Kafka, onReply: (message: KafkaMessage) => void, onStatus: (status: ConsumerStatus) => void) {
    this.#kafka = kafka;
    this.#onReply = onReply;
    this.#consumer = new LastingConsumer(kafka, {
      config: () => ({
        groupId: `${REPLY_GROUPS}${randomBytes(12).toString('base64url')}`,
        partitionAssigners: [this.#assigner()],
        readUncommitted: true,
      }),
      topics: () => [...this.#positions.keys()],
      partitionsAtOnce: TOPICS_AT_ONCE,
      eachBatch: ({ batch: { topic, messages } }) => {
        this.#read(topic, messages);
        return Promise.resolve();
      },
      onJoin: (_, consumer) => this.#goOn(consumer),
      onStatus,
    });
  }

  /** For liveness. */
  get isUp(): boolean {
    return this.#consumer.isUp;
  }

  /** For readiness. */
  get isReading(): boolean {
    return this.#consumer.isReading;
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
        const ends = await whileTransient(() => admin.fetchTopicOffsets(topic));
        const end = ends.find(({ partition }) => partition === chosen) ?? ends[Math.floor(Math.random() * ends.length)];
        if (end === undefined) throw new Error(`The topic ${topic} has no partitions`);
        this.#positions.set(topic, { partition: end.partition, offset: BigInt(end.high) });
      }
    } finally {
      await admin.disconnect();
    }
    await this.#consumer.start(START_WITHIN_MS);
    return new Map([...this.#positions].map(([topic, { partition }]) => [topic, partition]));
  }

  async stop(): Promise<void> {
    await this.#consumer.stop();
  }

  #read(topic: string, messages: readonly KafkaMessage[]): void {
    const position = this.#positions.get(topic);
    for (const message of messages) {
      this.#onReply(message);
      if (position !== undefined) position.offset = BigInt(message.offset) + 1n;
    }
  }

  /** A member that has joined anew starts from the group's offsets, of which there are none. */
  #goOn(consumer: Consumer): void {
    for (const [topic, { partition, offset }] of this.#positions) {
      consumer.seek({ topic, partition, offset: offset.toString() });
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
