/**
 * Whether a shard can be shown to follow the log. The projector changes a shard's stamp each time that it has proved that
 * nothing in the log is left to apply; what counts is to have seen it change, on this connection, within the bound, by
 * the reader's own monotonic clock. A stamp that is merely there proves nothing: an old dump has one, too.
 */
export class StampWatch {
  #stamp: string | undefined;
  #seenAtMs: number | undefined;
  #changedAfterMs: number | undefined;

  /**
   * To be called with every reading, and several times per bound. A change happened after the reading before it, and may
   * be that old; a watcher that is told of every write as it happens passes `nowMs` for `unchangedUntilMs`.
   */
  observe(stamp: string | undefined, nowMs: number, unchangedUntilMs = this.#seenAtMs): void {
    if (stamp === undefined || this.#seenAtMs === undefined) this.#changedAfterMs = undefined;
    else if (stamp !== this.#stamp) this.#changedAfterMs = unchangedUntilMs;
    this.#stamp = stamp;
    this.#seenAtMs = nowMs;
  }

  isFresh(nowMs: number, maxStalenessMs: number): boolean {
    return this.#changedAfterMs !== undefined && nowMs - this.#changedAfterMs <= maxStalenessMs;
  }
}
