/**
 * Whether a shard can be shown to follow the log. The projector changes a shard's stamp each time that it has proved that
 * nothing in the log is left to apply; what counts is to have seen it change, on this connection, within the bound, by
 * the reader's own monotonic clock. A stamp that is merely there proves nothing: an old dump has one, too.
 */
export class StampWatch {
  #stamp: string | undefined;
  #seenAtMs: number | undefined;
  #changedAfterMs: number | undefined;

  /** To be called with every reading, and at least a few times per bound: a change is dated by the reading before it. */
  observe(stamp: string | undefined, nowMs: number): void {
    if (stamp === undefined) this.#changedAfterMs = undefined;
    // The change happened some time after the last look, and may be that old.
    else if (stamp !== this.#stamp) this.#changedAfterMs = this.#seenAtMs;
    this.#stamp = stamp;
    this.#seenAtMs = nowMs;
  }

  isFresh(nowMs: number, maxStalenessMs: number): boolean {
    return this.#changedAfterMs !== undefined && nowMs - this.#changedAfterMs <= maxStalenessMs;
  }
}
