import { type EachBatchPayload, type KafkaMessage } from 'kafkajs';
import { DrainingSet } from '#runtime/draining-set';
import { type PartitionProgress, type Progress } from './partition-progress.ts';

/** Consecutive records of one partition that are handled together. */
export interface Chunk {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly KafkaMessage[];
}

export interface Lanes {
  /**
   * Handles a chunk. Resolves when the next one of the partition may follow, never rejects; calls `over` once, when all
   * that belongs to it is answered.
   */
  readonly handle: (chunk: Chunk, over: () => void) => Promise<void>;
  /** Records that are taken and not answered yet, over all partitions; those beyond wait in Kafka. */
  readonly maxOpen: number;
}

const MAX_RECORDS = 512;
const MAX_BYTES = 256 * 1024;
/** Work that takes longer lets the consumer go on with other partitions and its heartbeats. */
const SLOW_MS = 100;

/** The batches of one partition that were received and are not handled yet: at work one after the other. */
interface Lane {
  batches: number;
  last: Promise<void>;
}

/**
 * Each partition is a lane: its chunks are handled one after the other, in order. The consumer fetches on while an idle
 * lane begins to work, so that what comes for the others meanwhile does not wait for its replies to be written (measured:
 * half as much throughput again). For a lane that has work already it waits, so that each holds two batches at most, and
 * one that is slow is paused, so that a handler which hangs holds up nobody but its own partition. Taken records are
 * bounded in number, and a chunk in bytes, for a whole fetched batch of full requests would make a list, and a reply, of a
 * size that nothing downstream takes.
 */
export class PartitionLanes {
  readonly #options: Lanes;
  readonly #progress: Progress;
  readonly #lanes = new Map<string, Lane>();
  readonly #underWay = new DrainingSet<object>();
  readonly #waiting: (() => void)[] = [];
  #open = 0;
  #isClosed = false;

  constructor(progress: Progress, options: Lanes) {
    this.#progress = progress;
    this.#options = options;
  }

  /** kafkajs' `eachBatch`. */
  async receive({ batch, pause }: Pick<EachBatchPayload, 'batch' | 'pause'>): Promise<void> {
    const { topic, partition, messages, highWatermark } = batch;
    const lane = this.#laneOf(`${topic}/${partition}`);
    const progress = this.#progress.of(topic, partition);
    const wasIdle = lane.batches === 0;
    lane.batches += 1;
    const work = lane.last
      .then(() => this.#work(topic, partition, unseen(messages, highWatermark, progress), progress))
      .finally(() => (lane.batches -= 1));
    lane.last = work;
    if (wasIdle || (await endsWithin(work, SLOW_MS))) return;
    const resume = pause();
    void work.finally(resume);
  }

  /** Takes nothing new. Resolves when all that was taken is answered, at the latest after `withinMs`. */
  async close(withinMs: number): Promise<void> {
    this.#isClosed = true;
    await this.#underWay.drained(withinMs);
  }

  #laneOf(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = { batches: 0, last: Promise.resolve() };
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  async #work(
    topic: string,
    partition: number,
    records: readonly KafkaMessage[],
    progress: PartitionProgress,
  ): Promise<void> {
    for (const chunk of chunks(records)) {
      while (this.#open >= this.#options.maxOpen && !this.#isClosed) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
      // What is not taken is not committed: it is for whoever has the partition next.
      if (this.#isClosed || progress.isRevoked) return;
      const answered = progress.take(chunk[chunk.length - 1]?.offset ?? '-1');
      this.#open += chunk.length;
      this.#underWay.add(chunk);
      await this.#options.handle({ topic, partition, records: chunk }, () => {
        answered();
        this.#open -= chunk.length;
        this.#underWay.delete(chunk);
        for (const wake of this.#waiting.splice(0)) wake();
      });
    }
  }
}

/**
 * After a rebalance Kafka hands out again what is not committed. What this process has already taken from the partition
 * is left away, unless the partition now ends before that: then it is not the partition that it was.
 */
function unseen(
  messages: readonly KafkaMessage[],
  highWatermark: string,
  progress: PartitionProgress,
): readonly KafkaMessage[] {
  if (BigInt(highWatermark) < progress.next) progress.reset();
  const first = messages[0];
  if (first === undefined) return messages;
  progress.compare(BigInt(first.offset));
  if (BigInt(first.offset) >= progress.next) return messages;
  return messages.filter(({ offset }) => BigInt(offset) >= progress.next);
}

function* chunks(records: readonly KafkaMessage[]): Generator<readonly KafkaMessage[]> {
  let first = 0;
  let bytes = 0;
  for (const [index, { value }] of records.entries()) {
    const size = value?.length ?? 0;
    if (index > first && (index - first === MAX_RECORDS || bytes + size > MAX_BYTES)) {
      yield records.slice(first, index);
      first = index;
      bytes = 0;
    }
    bytes += size;
  }
  if (first < records.length) yield records.slice(first);
}

async function endsWithin(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const isOver = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return isOver;
}
