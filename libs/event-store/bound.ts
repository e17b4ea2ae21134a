/**
 * What a bounded attempt goes by: once it has ended, nobody waits for the attempt any more. An AbortSignal does the same, but
 * making one and listening to it was an eighth of what an append costs at the client; so one is made only where it is used.
 */
export class Bound {
  #ended: { readonly reason: unknown } | undefined;
  #controller: AbortController | undefined;
  #listeners: readonly (() => void)[] = [];

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** Why it ended. */
  get reason(): unknown {
    return this.#ended?.reason;
  }

  /** Aborts with the bound, for what takes a signal. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended !== undefined) this.#controller.abort(this.#ended.reason);
    }
    return this.#controller.signal;
  }

  /** @returns what takes the listener off again */
  onEnd(listener: () => void): () => void {
    this.#listeners = [...this.#listeners, listener];
    return () => (this.#listeners = this.#listeners.filter((other) => other !== listener));
  }

  end(reason: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = { reason };
    this.#controller?.abort(reason);
    for (const listener of this.#listeners) listener();
  }
}
