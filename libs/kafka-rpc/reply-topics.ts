import { Logger } from '@nestjs/common';
import { type Kafka } from 'kafkajs';

/** A partition that is not known is looked for again, but not more often than this. */
const REFRESH_MS = 5_000;

/**
 * Where replies may go: a closed list of topics, to partitions that they have. Whoever sends a request chooses where its
 * reply goes; without this it would be written anywhere that this service may write.
 */
export class ReplyTopics {
  readonly #kafka: Kafka;
  readonly #partitions: Map<string, number>;
  readonly #logger = new Logger('ReplyTopics');
  #refreshedAtMs = 0;
  #refreshing: Promise<void> | undefined;

  constructor(kafka: Kafka, topics: readonly string[]) {
    this.#kafka = kafka;
    this.#partitions = new Map(topics.map((topic) => [topic, 0]));
  }

  isAllowed(topic: string): boolean {
    return this.#partitions.has(topic);
  }

  /** Whether the topic has the partition; one that it may have got since is looked for. */
  hasPartition(topic: string, partition: number): boolean | Promise<boolean> {
    const has = () => partition < (this.#partitions.get(topic) ?? 0);
    if (has()) return true;
    if (Date.now() - this.#refreshedAtMs < REFRESH_MS && this.#refreshing === undefined) return false;
    return this.#refreshed().then(has);
  }

  /** Rejects when the cluster can't be asked; a topic that isn't there has no partitions. */
  async refresh(): Promise<void> {
    if (this.#partitions.size === 0) return;
    const admin = this.#kafka.admin();
    try {
      await admin.connect();
      const existing = new Set(await admin.listTopics());
      const topics = [...this.#partitions.keys()].filter((topic) => existing.has(topic));
      if (topics.length === 0) return;
      const metadata = await admin.fetchTopicMetadata({ topics });
      for (const { name, partitions } of metadata.topics) this.#partitions.set(name, partitions.length);
    } finally {
      this.#refreshedAtMs = Date.now();
      await admin.disconnect();
    }
  }

  #refreshed(): Promise<void> {
    this.#refreshing ??= this.refresh()
      .catch((error: unknown) => {
        this.#logger.warn(error);
      })
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }
}
