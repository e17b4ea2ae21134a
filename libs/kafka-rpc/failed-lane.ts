import { setTimeout as delay } from 'node:timers/promises';
import { type Outgoing, OutgoingQueue } from './outgoing.ts';
import { isTransient } from './retry.ts';

const PAUSE_MS = 100;
/** Each message of the topic would get the same. */
const OF_THE_TOPIC = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
  'POLICY_VIOLATION',
]);

export interface Lane {
  readonly write: (batch: readonly Outgoing[]) => Promise<void>;
  /** So many messages failed, for good or for now. */
  readonly onFailure: (count: number, error: Error) => void;
  /** Called when it has nothing left: what was wrong is over. */
  readonly onEmpty: () => void;
}

/**
 * A topic, or a partition of it, that could not be written to: its messages are written apart from all others', one
 * request at a time. For a reason that passes they are tried again until their deadlines; for any other in halves, until
 * it is found whose it is, and that one fails alone.
 */
export class FailedLane {
  readonly #lane: Lane;
  readonly #waiting = new OutgoingQueue();
  #isRunning = false;

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  add(outgoing: Outgoing): void {
    this.#waiting.add(outgoing);
  }

  prune(): void {
    this.#waiting.prune();
  }

  /** Writes what could not be, and what comes meanwhile. @param error what the batch has failed with, if that was alone */
  start(batch: readonly Outgoing[], error?: Error): void {
    const isKnown = error !== undefined && !this.#isRunning;
    if (!isKnown) this.#waiting.addFirst(batch);
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run(isKnown ? this.#settleApart(batch, error) : Promise.resolve(true));
  }

  async #run(first: Promise<boolean>): Promise<void> {
    let passes = await first;
    while (this.#waiting.length > 0) {
      if (!passes) await delay(PAUSE_MS);
      const batch = this.#waiting.take();
      passes = batch.length === 0 || (await this.#write(batch));
    }
    this.#isRunning = false;
    this.#lane.onEmpty();
  }

  /** @returns false where it is to be tried again, later */
  async #write(batch: readonly Outgoing[]): Promise<boolean> {
    try {
      await this.#lane.write(batch);
    } catch (thrown) {
      return this.#settleApart(batch, thrown as Error);
    }
    for (const { settle } of batch) settle();
    return true;
  }

  async #settleApart(batch: readonly Outgoing[], error: Error): Promise<boolean> {
    if (isTransient(error)) {
      this.#lane.onFailure(batch.length, error);
      this.#waiting.addFirst(batch);
      return false;
    }
    if (batch.length === 1 || ('type' in error && OF_THE_TOPIC.has(String(error.type)))) {
      this.#lane.onFailure(batch.length, error);
      for (const { settle } of batch) settle(error);
      return true;
    }
    const middle = Math.ceil(batch.length / 2);
    let passes = true;
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      if (!(await this.#write(half))) passes = false;
    }
    return passes;
  }
}
