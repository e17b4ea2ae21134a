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
    return this.#answeredTo === this.#committedTo ? undefined : this.#answeredTo;
  }

  committed(offset: bigint): void {
    this.#committedTo = offset;
  }
}

/** The progress of every partition that was assigned to a consumer, and its commits. */
export class Progress {
  readonly #partitions = new Map<string, { topic: string; partition: number; progress: PartitionProgress }>();

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
  keepOnly(assigned: Readonly<Record<string, readonly number[]>>): void {
    for (const [name, { topic, partition, progress }] of this.#partitions) {
      if (assigned[topic]?.includes(partition) === true) continue;
      progress.revoke();
      this.#partitions.delete(name);
    }
  }

  /** Commits what can be; rejects where Kafka doesn't take it, and then it is for the next time. */
  async commit(consumer: Consumer): Promise<void> {
    const due = [...this.#partitions.values()].flatMap(({ topic, partition, progress }) => {
      const offset = progress.uncommitted;
      return offset === undefined ? [] : [{ topic, partition, progress, offset }];
    });
    if (due.length === 0) return;
    await consumer.commitOffsets(
      due.map(({ topic, partition, offset }) => ({ topic, partition, offset: offset.toString() })),
    );
    for (const { progress, offset } of due) progress.committed(offset);
  }
}
