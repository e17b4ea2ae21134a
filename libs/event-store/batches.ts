import { setImmediate as nextTurn } from 'node:timers/promises';
import { EventStoreUnavailable } from './event-store-unavailable.ts';

/** How many messages wait in memory, and so about the most that one batch holds. */
const MAX_BATCH = 512;

export interface BatchOptions {
  /** How long nothing may arrive while something is waited for; for ever where it is left out. */
  readonly silenceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** As much of a call as is used here. */
interface Call {
  on(event: 'data', listener: (message: Buffer) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  pause(): unknown;
  resume(): unknown;
  cancel(): void;
  destroy(): unknown;
}

/**
 * What has arrived from a call, in arrays; while one is handled the next gathers, and beyond that all waits at the server.
 * Whichever way it ends, the call is cancelled: left alone, a hundred abandoned ones use up the connection.
 */
export async function* batches(
  opening: Promise<Call>,
  { silenceMs, signal }: BatchOptions,
): AsyncGenerator<Buffer[], void, void> {
  const arrivals = new Arrivals(opening, signal);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const batch = arrivals.take();
      if (batch.length > 0) yield batch;
      else if (arrivals.failure !== undefined) throw arrivals.failure.error;
      else if (arrivals.ended) return;
      else {
        await arrivals.change(silenceMs);
        // A call gives one message at a time; after the turn of the event loop that brought this one, all that came with
        // it are there.
        await nextTurn();
      }
    }
  } finally {
    arrivals.stop();
  }
}

class Arrivals {
  failure: { readonly error: unknown } | undefined;
  ended = false;
  #waiting: Buffer[] = [];
  #call: Call | undefined;
  #stopped = false;
  #wake: () => void = () => undefined;

  constructor(
    opening: Promise<Call>,
    private readonly signal: AbortSignal | undefined,
  ) {
    signal?.addEventListener('abort', this.#aborted);
    opening.then(
      (call) => this.#watch(call),
      (error: unknown) => this.#fail(error),
    );
  }

  take(): Buffer[] {
    const batch = this.#waiting;
    if (batch.length > 0) {
      this.#waiting = [];
      this.#call?.resume();
    }
    return batch;
  }

  async change(silenceMs: number | undefined): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#wake = resolve;
      if (silenceMs === undefined) return;
      timer = setTimeout(() => reject(new EventStoreUnavailable(`Nothing arrived within ${silenceMs} ms.`)), silenceMs);
    }).finally(() => clearTimeout(timer));
  }

  stop(): void {
    this.#stopped = true;
    this.signal?.removeEventListener('abort', this.#aborted);
    this.#call?.cancel();
    this.#call?.destroy();
  }

  #watch(call: Call): void {
    this.#call = call;
    // Never taken off: errors come from calls that were left long ago, and without a listener they would end the process.
    call.on('error', (error) => this.#fail(error));
    if (this.#stopped) {
      call.cancel();
      return;
    }
    call.on('data', (message) => {
      this.#waiting.push(message);
      if (this.#waiting.length >= MAX_BATCH) call.pause();
      this.#wake();
    });
    call.on('end', () => {
      this.ended = true;
      this.#wake();
    });
    call.on('close', () => {
      if (!this.ended) this.#fail(new EventStoreUnavailable('The call was closed before its end.'));
    });
  }

  #fail(error: unknown): void {
    this.failure ??= { error };
    this.#wake();
  }

  readonly #aborted = () => this.#wake();
}
