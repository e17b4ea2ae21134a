import { Logger } from '@nestjs/common';

const SILENCE_MS = 60_000;

/**
 * Tells operators of changes that were answered before the lookup had them. A lookup that lags does so for every change: a
 * line a minute is enough.
 */
export class LagLog {
  readonly #logger = new Logger('Gateway');
  /** Changes that no line in the log has told of. */
  #untold = 0;
  #silentUntilMs = 0;

  tell(topic: string, position: string): void {
    this.#untold += 1;
    if (performance.now() < this.#silentUntilMs) return;
    this.#silentUntilMs = performance.now() + SILENCE_MS;
    this.#logger.warn(
      `The lookup lags: ${this.#untold} changes answered before it had them, the last ${topic} at position ${position}`,
    );
    this.#untold = 0;
  }
}
