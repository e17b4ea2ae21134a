/** What a list handler gets per request. Times are Unix ms. */
export interface Delivery<R> {
  readonly request: R;
  /** The record's own time (Kafka), or that of receipt (in process): what an event that follows from it is dated with. */
  readonly receivedAtMs: number;
  /** Nothing may be started for this request after it. Infinity for an event: events have no deadline. */
  readonly deadlineMs: number;
}

/**
 * What a list handler returns: for each delivery, in order, its result or the promise of it. Ready ones are answered at
 * once, promised ones each when it settles. A promise that may reject before the list is returned is for the handler to
 * watch; Node takes it for unhandled meanwhile.
 */
export type ListResult<R> = readonly (R | Promise<R>)[];

/** The longest that any request may stay in force, and how long one does that names no deadline. */
export const MAX_DEADLINE_MS = 30_000;

/** The deadline that the caller asked for, cut to what its time of receipt allows. */
export function deadlineOf(askedMs: number | undefined, receivedAtMs: number): number {
  const latestMs = receivedAtMs + MAX_DEADLINE_MS;
  return askedMs === undefined ? latestMs : Math.min(askedMs, latestMs);
}
