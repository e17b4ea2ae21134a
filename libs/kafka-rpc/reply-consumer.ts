import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { AssignerProtocol, type Consumer, type Kafka, type KafkaMessage, type PartitionAssigner } from 'kafkajs';
import { ConsumerLife, type ConsumerStatus } from './consumer-life.ts';
import { MAX_WAIT_MS, RETRY } from './kafka-connection.ts';
import { whileTransient } from './retry.ts';
import { within } from './within.ts';

/** By topic: the one partition of it that replies are to be sent to. */
export type ReplyPartitions = ReadonlyMap<string, number>;

/** The least that a broker with its defaults allows. */
const SESSION_MS = 6_000;
const HEARTBEAT_MS = 1_500;
const REOPEN_AFTER_MS = 200;
const END_WITHIN_MS = 3_000;

/**
 * Reads replies, from one partition of each reply topic. kafkajs can't read without a consumer group, so there is one for
 * this consumer alone, under a name that was never used: nobody else's coming and going makes it rebalance, and as nothing
 * is ever committed the broker forgets it once it is empty. Where to read is kept here, not in the group: before the first
 * request the ends of the partitions are looked up, and after every rejoin reading goes on where it was. So no reply falls
 * between two positions.
 *
 * A consumer that fails is replaced by one in yet another group, as long as it takes: in the same group it would have to
 * wait until the broker has given up its predecessor.
 */
export class ReplyConsumer {
  readonly #kafka: Kafka;
  readonly #onReply: (message: KafkaMessage) => void;
  readonly #onStatus: (status: ConsumerStatus) => void;
  readonly #positions = new Map<string, { readonly partition: number; offset: bigint }>();
  #current: { readonly consumer: Consumer; readonly life: ConsumerLife };
  #isReopening = false;
  #isStarted = false;
  #isStopped = false;

  constructor(kafka: Kafka, onReply: (message: KafkaMessage) => void, onStatus: (status: ConsumerStatus) => void) {
    this.#kafka = kafka;
    this.#onReply = onReply;
    this.#onStatus = onStatus;
    this.#current = this.#make();
  }

  /** For liveness: false when it has not stirred for a minute. One that failed is being replaced. */
  get isUp(): boolean {
    return this.#isReopening || this.#current.life.isUp;
  }

  /** For readiness. */
  get isReading(): boolean {
    return !this.#isReopening && this.#current.life.isReading;
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
    await whileTransient(() => this.#runOrReplace());
    this.#isStarted = true;
    return new Map([...this.#positions].map(([topic, { partition }]) => [topic, partition]));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#current.consumer.disconnect();
  }

  #make(): { consumer: Consumer; life: ConsumerLife } {
    const consumer = this.#kafka.consumer({
      groupId: `latchkey-replies-${randomBytes(12).toString('base64url')}`,
      partitionAssigners: [this.#assigner()],
      allowAutoTopicCreation: false,
      sessionTimeout: SESSION_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: MAX_WAIT_MS,
      readUncommitted: true,
      retry: { ...RETRY, restartOnFailure: () => Promise.resolve(false) },
    });
    const life = new ConsumerLife(consumer, this.#onStatus);
    consumer.on(consumer.events.GROUP_JOIN, () => this.#goOn(consumer));
    consumer.on(consumer.events.CRASH, () => {
      if (this.#isStarted) void this.#reopen();
    });
    return { consumer, life };
  }

  async #run(): Promise<void> {
    const { consumer, life } = this.#current;
    const topics = [...this.#positions.keys()];
    await consumer.connect();
    await consumer.subscribe({ topics });
    await consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: topics.length,
      eachBatch: ({ batch: { topic, messages } }) => {
        this.#read(topic, messages);
        return Promise.resolve();
      },
    });
    await life.joined;
  }

  /** A broker that has just started can't tell yet who is in which group. A consumer that failed can't be run again. */
  async #runOrReplace(): Promise<void> {
    try {
      await this.#run();
    } catch (error) {
      await within(END_WITHIN_MS, this.#current.consumer.disconnect());
      this.#current = this.#make();
      throw error;
    }
  }

  async #reopen(): Promise<void> {
    if (this.#isReopening) return;
    this.#isReopening = true;
    let isOpen = false;
    while (!isOpen && !this.#isStopped) {
      await delay(REOPEN_AFTER_MS);
      await within(END_WITHIN_MS, this.#current.consumer.disconnect());
      this.#current = this.#make();
      isOpen = await this.#run().then(
        () => true,
        () => false,
      );
    }
    this.#isReopening = false;
    if (this.#isStopped) await within(END_WITHIN_MS, this.#current.consumer.disconnect());
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
