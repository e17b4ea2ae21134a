import { z } from 'zod';
import { scopesFile } from '#contracts/scope-catalogue';
import { eventStoreUrl } from '#event-store/connection-setting';
import { kafkaFields, kafkaRules } from '#kafka-rpc/settings';
import { healthFields, logLevel } from '#runtime/settings';

/** What the command service reads from its environment (docs/settings.md). */
export const commandSettings = z
  .object({
    ...kafkaFields,
    ...healthFields(8081),
    EVENTSTORE_URL: eventStoreUrl,
    /** The scopes that may be given to keys. */
    SCOPES_FILE: scopesFile,
    LOG_LEVEL: logLevel.default('info'),
  })
  .check(kafkaRules);
