import { type ClientDuplexStream } from '@grpc/grpc-js';
import { randomUUID } from 'node:crypto';
import { EventStoreUnavailable, UnusableAnswer } from './event-store-unavailable.ts';
import { appendAnswer, type AppendAnswer } from './wire/append-answer.ts';
import { withCorrelationId } from './wire/append-request.ts';

type Call = ClientDuplexStream<Uint8Array, Buffer>;

interface Pending {
  readonly resolve: (answer: AppendAnswer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * `BatchAppend`: one call that carries the appends of a channel, each answered under its own id. What ends the call leaves
 * the end of its appends unknown, and of no others; an answer that nobody waits for any more is passed over.
 */
export class AppendStream {
  readonly #pending = new Map<string, Pending>();
  #call: Call | undefined;
  #retired = false;

  constructor(private readonly open: () => Call) {}

  /** @throws what ended the call, or the signal's reason: either way the append may have been stored */
  append(body: Uint8Array, signal: AbortSignal): Promise<AppendAnswer> {
    return new Promise((resolve, reject) => {
      const id = randomUUID();
      const settled = () => {
        signal.removeEventListener('abort', abandon);
        this.#pending.delete(id);
        this.#endWhenDone();
      };
      const abandon = () => {
        settled();
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abandon);
      this.#pending.set(id, {
        resolve: (answer) => {
          settled();
          resolve(answer);
        },
        reject: (error: Error) => {
          settled();
          reject(error);
        },
      });
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
      for (const { reject } of [...this.#pending.values()]) reject(error);
    };
    call.on('data', (message: Buffer) => {
      try {
        this.#take(appendAnswer(message));
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

  #take({ id, answer }: { readonly id: string; readonly answer: AppendAnswer }): void {
    this.#pending.get(id)?.resolve(answer);
  }

  #endWhenDone(): void {
    if (this.#retired && this.#pending.size === 0) this.#call?.cancel();
  }
}
