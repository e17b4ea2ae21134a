import { Waiters } from './waiters.ts';

/** How often the shards are looked at while somebody waits for them to get further. */
const LOOK_MS = 10;

/** Those who wait until a shard may be further than it was. Looks at the shards while anybody does, and never otherwise. */
export class AdvanceWaiters {
  readonly #look: () => Promise<void>;
  readonly #waiters = new Waiters();
  #isLooking = false;
  #isClosed = false;

  /** @param look calls `wake` if there is something new */
  constructor(look: () => Promise<void>) {
    this.#look = look;
  }

  wait(signal: AbortSignal): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    const woken = this.#waiters.wait(signal);
    if (!this.#isLooking) void this.#keepLooking();
    return woken;
  }

  wake(): void {
    this.#waiters.wake();
  }

  close(): void {
    this.#isClosed = true;
    this.wake();
  }

  async #keepLooking(): Promise<void> {
    this.#isLooking = true;
    while (this.#waiters.size > 0) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      // A lookup that is away is found out by those who wait, when they look.
      if (this.#waiters.size > 0) await this.#look().catch(() => this.wake());
    }
    this.#isLooking = false;
  }
}
