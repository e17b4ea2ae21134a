import { Logger } from '@nestjs/common';
import { type KafkaConnectionOptions } from './kafka-connection.ts';
import { whileTransient } from './retry.ts';
import { withAdmin } from './topics.ts';

interface GroupPositionOptions extends KafkaConnectionOptions {
  readonly groupId: string;
  readonly topic: string;
}

/** Offsets that were never read: `from` up to, and not including, `upTo`. */
export interface Gap {
  readonly from: bigint;
  readonly upTo: bigint;
}

/**
 * Where a consumer group stands in a topic, to tell what was deleted before anybody read it. kafkajs goes on at the first
 * record that is left and says nothing; it even overwrites the offset that was committed, so that is read before it does.
 */
export class GroupPosition {
  readonly #options: GroupPositionOptions;
  readonly #logger: Logger;
  /** What the group had committed, as far as the broker told. */
  readonly #committed = new Map<number, bigint>();
  /** What must come next, as far as this process has read. */
  readonly #next = new Map<number, bigint>();
  #isKnown = false;
  #reading: Promise<void> = Promise.resolve();

  constructor(options: GroupPositionOptions) {
    this.#options = options;
    this.#logger = new Logger(`Topic ${options.topic}`);
  }

  /** Before the first record is asked for. Never rejects: what can't be found out is said, and holds nothing up. */
  async read(): Promise<void> {
    try {
      await this.#read();
    } catch (error) {
      this.#logger.warn(`It is not known where the group stands: ${String(error)}`);
    }
  }

  /** Others may have read on, in partitions that this process gets now. */
  joined(): void {
    this.#next.clear();
    this.#reading = this.read();
  }

  advance(partition: number, next: bigint): void {
    this.#next.set(partition, next);
  }

  /**
   * Offsets have holes that are none: the marks of transactions take one each. Only what lies before the beginning that
   * the partition has now was deleted.
   */
  async gapBefore(partition: number, first: bigint): Promise<Gap | undefined> {
    const known = this.#next.get(partition);
    if (known === undefined) await this.#reading;
    const from = known ?? this.#committed.get(partition) ?? 0n;
    if (first <= from || !this.#isKnown) return undefined;
    const upTo = await this.#beginning(partition).catch(() => first);
    return upTo > from ? { from, upTo: upTo < first ? upTo : first } : undefined;
  }

  async #read(): Promise<void> {
    const { groupId, topic } = this.#options;
    // A group that is new to the broker, or a broker that has just started, takes a moment.
    const offsets = await withAdmin(this.#options, (admin) =>
      whileTransient(() => admin.fetchOffsets({ groupId, topics: [topic] })),
    );
    for (const { partition, offset } of offsets[0]?.partitions ?? []) {
      // Below 0: none, or what kafkajs wrote in the place of one that is gone.
      if (BigInt(offset) >= 0n) this.#committed.set(partition, BigInt(offset));
    }
    this.#isKnown = true;
  }

  async #beginning(partition: number): Promise<bigint> {
    const ends = await withAdmin(this.#options, (admin) => admin.fetchTopicOffsets(this.#options.topic));
    const end = ends.find((each) => each.partition === partition);
    if (end === undefined) throw new Error(`Partition ${partition} is not there`);
    return BigInt(end.low);
  }
}
