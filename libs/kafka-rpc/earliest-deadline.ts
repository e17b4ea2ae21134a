/** Deadlines so close together share one turn of the timer. */
const GRAIN_MS = 8;

/**
 * One timer for the deadlines of many, where most end before theirs: a timer for each is made, kept in order and cleared
 * in vain. It goes off for the earliest deadline that it was told of, up to 8 ms late and never early, whether or not that
 * one is still waited for; and is told anew then of what is left.
 */
export class EarliestDeadline {
  readonly #onDue: (nowMs: number) => void;
  /** By `performance.now()`, as all here: a clock that is set back must not make anybody wait. */
  #atMs = Infinity;
  #timer: NodeJS.Timeout | undefined;

  /** `onDue` ends what is overdue, and tells of the rest. */
  constructor(onDue: (nowMs: number) => void) {
    this.#onDue = onDue;
  }

  tell(deadlineMs: number): void {
    if (deadlineMs >= this.#atMs) return;
    this.#atMs = Math.ceil(deadlineMs / GRAIN_MS) * GRAIN_MS;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#goOff(), this.#atMs - performance.now()).unref();
  }

  #goOff(): void {
    const nowMs = performance.now();
    const atMs = this.#atMs;
    this.#atMs = Infinity;
    // Timers count whole milliseconds.
    if (nowMs < atMs) this.tell(atMs);
    else this.#onDue(nowMs);
  }
}
