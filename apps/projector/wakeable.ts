/** A pause that can be cut short. A wake-up that comes while nobody waits ends the next wait at once. */
export class Wakeable {
  #isAwake = false;
  #wake: (() => void) | undefined;

  wake(): void {
    this.#isAwake = true;
    this.#wake?.();
  }

  /** Resolves after `ms`, at a wake-up, or when `signal` aborts. One waits at a time. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#isAwake && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', end);
          this.#wake = undefined;
          resolve();
        };
        const timer = setTimeout(end, ms);
        signal.addEventListener('abort', end);
        this.#wake = end;
      });
    }
    this.#isAwake = false;
  }
}
