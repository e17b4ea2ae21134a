import { type EventLog } from './event-log.ts';
import { StoreBroken } from './patience.ts';
import { type RecentIds, recentIdsOf } from './recent-ids.ts';
import { type StreamHeads } from './stream-heads.ts';
import { WritePlan, type WriteOutcome, type WriteRequest } from './write-plan.ts';

/** The store is closing; nothing of the request was written. */
export class StoreClosing extends Error {
  override readonly name = 'StoreClosing';
}

/** The deadline passed before the request's turn came; nothing of it was written. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
}

/** Its client went away before its turn came; nothing of it was written. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** One transaction takes no more than this, so that its appends don't wait for ever for one flush. */
const MAX_REQUESTS = 1_024;
const MAX_BYTES = 8 * 1024 * 1024;

const MAX_GATHER_MS = 2;

export interface SubmitOptions {
  /** Epoch ms; a request whose turn comes later is not written. */
  readonly deadlineMs?: number;
  /** Asked when the request's turn comes: a cancellation may arrive after what looked like the end of the request. */
  readonly isGone?: () => boolean;
}

interface Pending {
  readonly request: WriteRequest;
  readonly options: SubmitOptions;
  readonly resolve: (outcome: WriteOutcome) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The only way into the log. While one transaction is being flushed the next requests gather, and then share a flush.
 * An answer is given, and readers are told, only after the flush.
 */
export class AppendQueue {
  private readonly recentIds: RecentIds;
  private nextStreamNumber: number;
  private pending: Pending[] = [];
  private draining: Promise<void> | undefined;
  private closing = false;
  private broken: StoreBroken | undefined;
  private last = { size: 0, tookMs: 0 };

  constructor(
    private readonly log: EventLog,
    private readonly heads: StreamHeads,
    private readonly onWritten: () => void,
    private readonly now: () => number = Date.now,
  ) {
    this.recentIds = recentIdsOf(log);
    this.nextStreamNumber = log.nextStreamNumber;
  }

  /**
   * @throws {StoreClosing}
   * @throws {DeadlinePassed}
   * @throws {ClientGone}
   * @throws {import('./event-log.ts').WriteFailed} the flush failed; nothing was written
   * @throws {StoreBroken} nothing can be written any more
   */
  submit(request: WriteRequest, options: SubmitOptions = {}): Promise<WriteOutcome> {
    if (this.broken !== undefined) return Promise.reject(this.broken);
    if (this.closing) return Promise.reject(new StoreClosing('The event store is closing'));
    return new Promise((resolve, reject) => {
      this.pending.push({ request, options, resolve, reject });
      this.draining ??= this.drain();
    });
  }

  /** False once a write had no end: then only a restart helps. */
  get isWritable(): boolean {
    return this.broken === undefined;
  }

  /** Takes nothing more, and resolves when what was taken is answered. */
  async close(): Promise<void> {
    this.closing = true;
    await this.draining;
  }

  private async drain(): Promise<void> {
    do {
      await this.gather();
      const batch = this.takeBatch();
      const startedMs = performance.now();
      await this.writeOnce(batch);
      this.last = { size: batch.length, tookMs: performance.now() - startedMs };
    } while (this.pending.length > 0);
    this.draining = undefined;
  }

  /**
   * Whoever was just answered is likely to ask again at once. Waiting for as many as last time, but never longer than
   * that flush took, keeps concurrent clients in one flush instead of splitting them into two that wait for each other.
   * A lone client never waits.
   */
  private async gather(): Promise<void> {
    const untilMs = performance.now() + Math.min(this.last.tookMs, MAX_GATHER_MS);
    do await new Promise(setImmediate);
    while (this.pending.length < this.last.size && performance.now() < untilMs);
  }

  private takeBatch(): Pending[] {
    let bytes = 0;
    let count = 0;
    for (const { request } of this.pending) {
      bytes += sizeOf(request);
      if (count > 0 && (count >= MAX_REQUESTS || bytes > MAX_BYTES)) break;
      count++;
    }
    return this.pending.splice(0, count);
  }

  private async writeOnce(batch: readonly Pending[]): Promise<void> {
    const nowMs = this.now();
    const plan = new WritePlan(this.log, this.heads, this.recentIds, this.nextStreamNumber, nowMs);
    const answers: (() => void)[] = [];
    try {
      for (const { request, options, resolve, reject } of batch) {
        if (options.isGone?.() === true) {
          answers.push(() => reject(new ClientGone('The client went away before its request was written')));
          continue;
        }
        if ((options.deadlineMs ?? Infinity) <= nowMs) {
          answers.push(() => reject(new DeadlinePassed('The deadline passed before the append was written')));
          continue;
        }
        const outcome = plan.add(request);
        answers.push(() => resolve(outcome));
      }
      if (plan.write.events.length > 0) await this.log.write(plan.write);
    } catch (error) {
      // Even a refusal may have rested on what the transaction was to write.
      const failure = error instanceof Error ? error : new Error(String(error));
      for (const { reject } of batch) reject(failure);
      if (failure instanceof StoreBroken) this.giveUp(failure);
      return;
    }
    this.log.advance(plan.write);
    this.heads.commit(plan.heads);
    this.recentIds.add(plan.ids);
    this.nextStreamNumber = plan.freeStreamNumber;
    for (const answer of answers) answer();
    if (plan.write.events.length > 0) this.onWritten();
  }

  private giveUp(failure: StoreBroken): void {
    this.broken = failure;
    process.emitWarning(failure.message);
    for (const { reject } of this.pending.splice(0)) reject(failure);
  }
}

function sizeOf(request: WriteRequest): number {
  if (request.kind !== 'append') return 0;
  return request.events.reduce((sum, { data, metadata }) => sum + data.length + metadata.length, 0);
}
