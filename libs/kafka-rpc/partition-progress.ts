import { type Consumer } from 'kafkajs';

/** Consecutive records of one partition whose requests are answered independently of each other. */
interface Span {
  /** The first offset that is not in it. */
  readonly end: bigint;
  isDone: boolean;
}

/**
 * How far a partition may be committed: up to the first record that is not answered yet, however far reading went on
 * meanwhile. So a process that dies leaves no request behind that nobody answers.
 */
export class PartitionProgress {
  readonly #spans: Span[] = [];
  /** The first offset that was never taken. */
  #next = -1n;
  #answeredTo: bigint | undefined;
  #committedTo: bigint | undefined;
  #isRevoked = false;
  /** Whether nobody else has read on since this process last did. */
  #isSure = true;

  /** Another consumer has the partition now. */
  get isRevoked(): boolean {
    return this.#isRevoked;
  }

  revoke(): void {
    this.#isRevoked = true;
  }

  /** Where records up to were already taken by this process, or -1n. */
  get next(): bigint {
    return this.#next;
  }

  /** Forgets where it was: the partition starts anew, perhaps before. */
  reset(): void {
    this.#spans.length = 0;
    this.#next = -1n;
    this.#answeredTo = undefined;
    this.#committedTo = undefined;
    this.#isSure = true;
  }

  /** The group was joined anew: another may have had the partition meanwhile, and what was committed may not have been. */
  doubt(): void {
    this.#committedTo = undefined;
    this.#isSure = false;
  }

  /**
   * What Kafka hands out now begins here. Where another has read on, what this process knows is of the past: committed, it
   * would set the group back.
   */
  compare(first: bigint): void {
    if (!this.#isSure && first > this.#next) this.reset();
    this.#isSure = true;
  }

  /** @returns to be called when all records of the span are answered or past their deadline */
  take(lastOffset: string): () => void {
    const span: Span = { end: BigInt(lastOffset) + 1n, isDone: false };
    this.#spans.push(span);
    this.#next = span.end;
    return () => {
      span.isDone = true;
      for (let first = this.#spans[0]; first?.isDone === true; first = this.#spans[0]) {
        this.#answeredTo = first.end;
        this.#spans.shift();
      }
    };
  }

  /** The offset to commit, if it is another than the last one that was. */
  get uncommitted(): bigint | undefined {
    return !this.#isSure || this.#answeredTo === this.#committedTo ? undefined : this.#answeredTo;
  }

  committed(offset: bigint): void {
    this.#committedTo = offset;
  }
}

/** The progress of every partition that was assigned to a consumer, and its commits. */
export class Progress {
  readonly #partitions = new Map<string, { topic: string; partition: number; progress: PartitionProgress }>();
  #joins = 0;

  of(topic: string, partition: number): PartitionProgress {
    const name = `${topic}/${partition}`;
    let entry = this.#partitions.get(name);
    if (entry === undefined) {
      entry = { topic, partition, progress: new PartitionProgress() };
      this.#partitions.set(name, entry);
    }
    return entry.progress;
  }

  /** Keeps only what is still ours; what another consumer answers meanwhile is for that one to commit. */
  joined(assigned: Readonly<Record<string, readonly number[]>>): void {
    this.#joins += 1;
    for (const [name, { topic, partition, progress }] of this.#partitions) {
      if (assigned[topic]?.includes(partition) === true) {
        progress.doubt();
        continue;
      }
      progress.revoke();
      this.#partitions.delete(name);
    }
  }

  /** Commits what can be; rejects where Kafka doesn't take it, and then it is for the next time. */
  async commit(consumer: Pick<Consumer, 'commitOffsets'>): Promise<void> {
    const due = [...this.#partitions.values()].flatMap(({ topic, partition, progress }) => {
      const offset = progress.uncommitted;
      return offset === undefined ? [] : [{ topic, partition, progress, offset }];
    });
    if (due.length === 0) return;
    const joins = this.#joins;
    await consumer.commitOffsets(
      due.map(({ topic, partition, offset }) => ({ topic, partition, offset: offset.toString() })),
    );
    // kafkajs says so, too, when the consumer ends meanwhile.
    if (joins === this.#joins) for (const { progress, offset } of due) progress.committed(offset);
  }
}
