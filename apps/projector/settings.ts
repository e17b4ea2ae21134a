import { z } from 'zod';
import { eventStoreUrl } from '#event-store/connection-setting';
import { kafkaFields, kafkaRules } from '#kafka-rpc/settings';
import { lookupShards, redisUrl } from '#key-lookup/settings';
import { healthFields, logLevel } from '#runtime/settings';

/** What the projector reads from its environment (docs/settings.md). */
export const projectorSettings = z
  .object({
    ...kafkaFields,
    ...healthFields(8083),
    EVENTSTORE_URL: eventStoreUrl,
    REDIS_URL: redisUrl,
    LOOKUP_SHARDS: lookupShards,
    LOG_LEVEL: logLevel.default('info'),
  })
  .check(kafkaRules);
