import { setImmediate as nextTurn } from 'node:timers/promises';
import { EventStoreUnavailable } from './event-store-unavailable.ts';

/** How many decoded events wait in memory, and so the most that one batch holds. */
export const MAX_BATCH = 512;

export interface BatchOptions {
  /** How long nothing may arrive while something is waited for; for ever where it is left out. */
  readonly silenceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called for each item when it leaves the call's own buffer, so that at every moment it is counted here or there. */
  readonly onTaken?: () => void;
}

/** As much of the client's streams as is used here; its own declarations do not fit each other strictly. */
interface Call {
  on(event: string | symbol, listener: (...args: unknown[]) => void): unknown;
  read(): unknown;
  destroy(): unknown;
}

/**
 * What has arrived from a call of the client, in arrays; the next is taken only when the consumer asks for it, and so much
 * waits at the server. Whichever way it ends, the call is cancelled: left alone, a hundred abandoned ones use up the
 * connection. A cancelled call still holds what it had buffered, hence also `destroy`.
 */
export async function* batches<T>(
  call: Call,
  cancel: () => Promise<void>,
  { silenceMs, signal, onTaken }: BatchOptions,
): AsyncGenerator<T[], void, void> {
  const watch = new Watch(call, signal);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const batch = take<T>(call, onTaken);
      if (batch.length > 0) yield batch;
      else if (watch.failure !== undefined) throw watch.failure.error;
      else if (watch.ended) return;
      else {
        await watch.change(silenceMs);
        // The client is given one message at a time; after the turn of the event loop that brought this one, all that
        // came with it are there.
        await nextTurn();
      }
    }
  } finally {
    watch.stop();
    // The client's own cancel fails when the call never got as far as a connection: nothing is left to cancel then.
    cancel().catch(() => undefined);
    call.destroy();
  }
}

function take<T>(call: Call, onTaken: () => void = () => undefined): T[] {
  const batch: T[] = [];
  while (batch.length < MAX_BATCH) {
    const next = call.read() as T | null;
    if (next === null) break;
    onTaken();
    batch.push(next);
  }
  return batch;
}

class Watch {
  failure: { readonly error: unknown } | undefined;
  ended = false;
  #wake: () => void = () => undefined;

  constructor(
    call: Call,
    private readonly signal: AbortSignal | undefined,
  ) {
    const wake = () => this.#wake();
    call.on('readable', wake);
    call.on('end', () => {
      this.ended = true;
      wake();
    });
    // Never taken off: the client emits errors on streams that were left long ago, and without a listener they would end
    // the process.
    call.on('error', (error) => {
      this.failure ??= { error };
      wake();
    });
    call.on('close', () => {
      if (!this.ended) this.failure ??= { error: new EventStoreUnavailable('The call was closed before its end.') };
      wake();
    });
    signal?.addEventListener('abort', this.#aborted);
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
    this.signal?.removeEventListener('abort', this.#aborted);
  }

  readonly #aborted = () => this.#wake();
}
