import { type WritePacket } from '@nestjs/microservices';
import { DrainingSet } from '#runtime/draining-set';
import { RequestExpired, RequestTooLarge, TransportOverloaded } from '#runtime/request-errors';
import { EarliestDeadline } from './earliest-deadline.ts';
import { type Waiting } from './flight.ts';
import { MAX_MESSAGE_BYTES, type Outbox } from './outbox.ts';

export interface PendingLimits {
  /** Of requests that wait for their replies. */
  readonly requests: number;
  /** Of what they ask, as text; and of what is to be written, which may outlast who asked. */
  readonly bytes: number;
}

/**
 * The callers that wait: bounded, each told exactly once that nothing more comes, whether by its reply or by a fault, and
 * at its deadline at the latest.
 */
export class PendingRequests {
  readonly #limits: PendingLimits;
  readonly #onOver: (waiting: Waiting, isAnswered: boolean) => void;
  readonly #waiting = new DrainingSet<Waiting>();
  readonly #earliestDeadline = new EarliestDeadline((nowMs) => this.#expire(nowMs));
  #bytes = 0;

  /** `onOver` hears of each once, before its caller does. */
  constructor(limits: PendingLimits, onOver: (waiting: Waiting, isAnswered: boolean) => void) {
    this.#limits = limits;
    this.#onOver = onOver;
  }

  /**
   * @param deadlineMs Unix ms
   * @param endsAtMs the same by `performance.now()`
   * @param outbox where it will be written
   * @throws {RequestTooLarge | TransportOverloaded} and is not admitted
   */
  admit(
    text: Buffer | string | null,
    deadlineMs: number,
    endsAtMs: number,
    callback: Waiting['callback'],
    outbox: Outbox | undefined,
  ): Waiting {
    const bytes = text === null ? 0 : Buffer.byteLength(text);
    if (bytes > MAX_MESSAGE_BYTES) throw new RequestTooLarge();
    if (this.#waiting.size >= this.#limits.requests || this.#bytes + bytes > this.#limits.bytes)
      throw new TransportOverloaded();
    // What its callers have given up is still there while it waits to be written.
    if (outbox !== undefined && outbox.bytes + bytes > this.#limits.bytes) {
      outbox.prune();
      if (outbox.bytes + bytes > this.#limits.bytes) throw new TransportOverloaded();
    }
    const waiting = { text, bytes, deadlineMs, endsAtMs, callback, flight: undefined, isOver: false };
    this.#waiting.add(waiting);
    this.#bytes += bytes;
    return waiting;
  }

  /** Has it fail at its deadline. */
  watch({ endsAtMs }: Waiting): void {
    this.#earliestDeadline.tell(endsAtMs);
  }

  deliver(waiting: Waiting, reply: WritePacket): void {
    if (waiting.isOver) return;
    if (reply.isDisposed === true) this.#end(waiting, true);
    tell(waiting, reply);
  }

  fail(waiting: Waiting, error: Error): void {
    if (waiting.isOver) return;
    // How long an answer takes is not learnt from what was none.
    this.#end(waiting, false);
    tell(waiting, { err: error, isDisposed: true });
  }

  /** Its caller wants to hear nothing more. */
  giveUp(waiting: Waiting): void {
    if (!waiting.isOver) this.#end(waiting, false);
  }

  /** Resolves once nobody waits, at the latest after `withinMs`. */
  drained(withinMs: number): Promise<void> {
    return this.#waiting.drained(withinMs);
  }

  failAll(error: () => Error): void {
    for (const waiting of this.#waiting) this.fail(waiting, error());
  }

  #expire(nowMs: number): void {
    for (const waiting of this.#waiting) {
      if (waiting.endsAtMs <= nowMs) this.fail(waiting, new RequestExpired());
      else this.watch(waiting);
    }
  }

  #end(waiting: Waiting, isAnswered: boolean): void {
    waiting.isOver = true;
    this.#waiting.delete(waiting);
    this.#bytes -= waiting.bytes;
    waiting.text = null;
    this.#onOver(waiting, isAnswered);
  }
}

function tell({ callback }: Waiting, packet: WritePacket): void {
  try {
    callback(packet);
  } catch (fault) {
    // A caller that throws keeps no other from its reply.
    queueMicrotask(() => {
      throw fault;
    });
  }
}
