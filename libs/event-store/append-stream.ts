import { type ClientDuplexStream } from '@grpc/grpc-js';
import { type Bound } from './bound.ts';
import { EventStoreUnavailable, UnusableAnswer } from './event-store-unavailable.ts';
import { appendAnswer, type AppendAnswer } from './wire/append-answer.ts';
import { withCorrelationId } from './wire/append-request.ts';

type Call = ClientDuplexStream<Uint8Array, Buffer>;

interface Pending {
  readonly answered: (answer: AppendAnswer) => void;
  readonly failed: (error: Error) => void;
}

/**
 * `BatchAppend`: one call that carries any number of appends, each answered under its own id and with a timer of its
 * own. What ends the call leaves unknown how its appends ended, and those of no other; an answer that nobody waits for any
 * more is passed over.
 */
export class AppendStream {
  readonly #pending = new Map<string, Pending>();
  #call: Call | undefined;
  #appends = 0;
  #retired = false;

  constructor(private readonly open: () => Call) {}

  /** How many appends are under way. */
  get waiting(): number {
    return this.#pending.size;
  }

  /**
   * @throws EventStoreUnavailable after `silenceMs`; what ended the call; EventStoreUnavailable once the bound ends, with
   *   its reason as the cause. In each case the append may have been stored, unless the bound had ended before.
   */
  append(body: Uint8Array, silenceMs: number, bound: Bound): Promise<AppendAnswer> {
    if (bound.ended) return Promise.reject(calledOff(bound));
    const id = correlationId(this.#appends++);
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        unheard();
        this.#pending.delete(id);
        this.#endWhenDone();
      };
      const failed = (error: Error) => {
        settle();
        reject(error);
      };
      const unheard = bound.onEnd(() => failed(calledOff(bound)));
      const timer = setTimeout(() => failed(new EventStoreUnavailable(`No answer within ${silenceMs} ms.`)), silenceMs);
      const answered = (answer: AppendAnswer) => {
        settle();
        resolve(answer);
      };
      this.#pending.set(id, { answered, failed });
      this.#call ??= this.#opened();
      this.#call.write(withCorrelationId(id, body));
    });
  }

  /** Ends the call once nothing is waited for. */
  retire(): void {
    this.#retired = true;
    this.#endWhenDone();
  }

  #opened(): Call {
    const call = this.open();
    const fail = (error: Error) => {
      if (this.#call !== call) return;
      this.#call = undefined;
      for (const { failed } of [...this.#pending.values()]) failed(error);
    };
    call.on('data', (message: Buffer) => {
      try {
        const { id, answer } = appendAnswer(message);
        this.#pending.get(id)?.answered(answer);
      } catch (error) {
        fail(new UnusableAnswer('The event store sent what can’t be read.', { cause: error }));
        call.cancel();
      }
    });
    // Never taken off: errors come after the call is left, too, and without a listener they would end the process.
    call.on('error', fail);
    call.on('end', () => fail(new EventStoreUnavailable('The event store ended the call that appends.')));
    return call;
  }

  #endWhenDone(): void {
    if (this.#retired && this.#pending.size === 0) this.#call?.cancel();
  }
}

/**
 * An error of our own, for the client looks into what fails over its channel: an AbortError has a number in its `code`,
 * which it takes for one of gRPC's.
 */
function calledOff({ reason }: Bound): EventStoreUnavailable {
  return new EventStoreUnavailable('The append was called off.', { cause: reason });
}

/** A UUID by its form. It tells the appends of one call apart, no more, and is paid for by each. */
function correlationId(nth: number): string {
  return `00000000-0000-4000-8000-${nth.toString(16).padStart(12, '0')}`;
}
