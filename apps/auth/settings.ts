import { z } from 'zod';
import { kafkaFields, kafkaRules } from '#kafka-rpc/settings';
import { maxStalenessMs, redisUrl } from '#key-lookup/settings';
import { healthFields, logLevel } from '#runtime/settings';

/** What the auth service reads from its environment (docs/settings.md). */
export const authSettings = z
  .object({
    ...kafkaFields,
    ...healthFields(8082),
    REDIS_URL: redisUrl,
    MAX_STALENESS_MS: maxStalenessMs,
    LOG_LEVEL: logLevel.default('info'),
  })
  .check(kafkaRules);
