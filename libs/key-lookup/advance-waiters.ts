/** How often the shards are looked at while somebody waits for them to get further. */
const LOOK_MS = 10;

/** Those who wait until a shard may be further than it was. Looks at the shards while anybody does, and never otherwise. */
export class AdvanceWaiters {
  readonly #look: () => Promise<void>;
  readonly #waiting = new Set<() => void>();
  #isLooking = false;
  #isClosed = false;

  /** @param look calls `wake` if there is something new */
  constructor(look: () => Promise<void>) {
    this.#look = look;
  }

  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      signal.addEventListener('abort', done);
      this.#waiting.add(done);
      if (!this.#isLooking) void this.#keepLooking();
    });
  }

  wake(): void {
    for (const done of [...this.#waiting]) done();
  }

  close(): void {
    this.#isClosed = true;
    this.wake();
  }

  async #keepLooking(): Promise<void> {
    this.#isLooking = true;
    while (this.#waiting.size > 0) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      // A lookup that is away is found out by those who wait, when they look.
      if (this.#waiting.size > 0) await this.#look().catch(() => this.wake());
    }
    this.#isLooking = false;
  }
}
