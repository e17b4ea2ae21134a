/**
 * How `keys.verify` requests of many callers travel as one: as the items of one, whose results are theirs in order. Shaped
 * for the transports' `joining`. One with `minPosition` goes alone, for a request is answered when all of its items are,
 * and that one may wait; so does one that has items already.
 */
export const joinVerifications = {
  canJoin: (request: unknown): boolean =>
    typeof request === 'object' && request !== null && !('items' in request) && !('minPosition' in request),

  join: (requests: readonly string[]): string => `{"items":[${requests.join(',')}]}`,

  /** Anything but as many results as there were items is an answer to the whole. */
  split: (reply: unknown, count: number): readonly unknown[] | undefined => {
    if (typeof reply !== 'object' || reply === null || !('results' in reply)) return undefined;
    const results: unknown = reply.results;
    return Array.isArray(results) && results.length === count ? (results as unknown[]) : undefined;
  },
};
