import { z } from 'zod';
import { wholeNumber } from '#runtime/settings';
import { isRedisUrl } from './redis-url.ts';

const MUST_BE =
  'must be redis://[user:password@]host:port[/number], rediss:// for TLS, or several of them with commas between: the nodes of a Redis Cluster';

/** The setting MAX_STALENESS_MS. The head is proved every second, so less would call a lookup stale that is not. */
export const maxStalenessMs = wholeNumber(2_000, 3_600_000).default(30_000);

/** The setting LOOKUP_SHARDS: of generations that are built from now on. */
export const lookupShards = wholeNumber(1, 1024).default(1);

/** The setting REDIS_URL. */
export const redisUrl = z.string(MUST_BE).refine(isRedisUrl, MUST_BE);
