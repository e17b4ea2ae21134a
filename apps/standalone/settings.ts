import { z } from 'zod';
import { scopesFile } from '#contracts/scope-catalogue';
import { eventStoreUrl } from '#event-store/connection-setting';
import { elseRefuseHost, gatewayFields, listensOnLoopback } from '#gateway/settings';
import { lookupShards, maxStalenessMs, redisUrl } from '#key-lookup/settings';
import { folder, logLevel, port } from '#runtime/settings';

/** What standalone reads from its environment (docs/settings.md): the gateway's settings and those of the services. */
export const standaloneSettings = z
  .object({
    ...gatewayFields,
    SIGN_IN: gatewayFields.SIGN_IN.default('development'),
    /** Unset: made at the first start, in DATA_DIR. */
    SIGN_IN_TOKEN: gatewayFields.SIGN_IN_TOKEN.optional(),
    DATA_DIR: folder.default('data'),
    /** Unset: the embedded event store, in DATA_DIR. */
    EVENTSTORE_URL: eventStoreUrl.optional(),
    /** Of the embedded event store; 0: any free port. */
    EVENTSTORE_PORT: port.default(2113),
    /** The scopes that may be given to keys. */
    SCOPES_FILE: scopesFile,
    /** Unset: the lookup is in memory. */
    REDIS_URL: redisUrl.optional(),
    LOOKUP_SHARDS: lookupShards,
    MAX_STALENESS_MS: maxStalenessMs,
    LOG_LEVEL: logLevel.default('info'),
  })
  .refine(listensOnLoopback, elseRefuseHost);
export type StandaloneSettings = z.infer<typeof standaloneSettings>;
