/**
 * How `keys.verify` requests of many callers travel as one: as the items of one, whose results are theirs in order. Shaped
 * for the transports' `joining`. One with `minPosition` goes alone, for a request is answered when all of its items are,
 * and that one may wait; so does one that has items already.
 */
export const joinVerifications = {
  canJoin: (request: unknown): boolean =>
    typeof request === 'object' && request !== null && !('items' in request) && !('minPosition' in request),

  join: (requests: readonly string[]): string => `{"items":[${requests.join(',')}]}`,

  /** Anything but as many results as there were items is none to the items. */
  split: (reply: unknown, count: number): readonly unknown[] | undefined => {
    if (typeof reply !== 'object' || reply === null || !('results' in reply)) return undefined;
    const results: unknown = reply.results;
    return Array.isArray(results) && results.length === count ? (results as unknown[]) : undefined;
  },

  /** That nothing could be said may be so for each; what is said of a key is never said of more than one. */
  isForEach: (reply: unknown): boolean => {
    if (typeof reply !== 'object' || reply === null || !('code' in reply)) return false;
    if ('valid' in reply) return reply.valid === false && NO_VERDICTS.has(reply.code);
    return 'ok' in reply && reply.ok === false;
  },
};

const NO_VERDICTS = new Set<unknown>(['UNAVAILABLE', 'STALE', 'INVALID_REQUEST']);
