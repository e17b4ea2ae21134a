import { z } from 'zod';
import { scopesFile } from '#contracts/scope-catalogue';
import { eventStoreUrl } from '#event-store/connection-setting';
import { elseRefuseHost, gatewayFields, listensOnLoopback } from '#gateway/settings';
import { folder, logLevel, port, wholeNumber } from '#runtime/settings';

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
    LOOKUP_SHARDS: wholeNumber(1, 1024).default(1),
    /** The head is proved every second, so less would call a lookup stale that is not. */
    MAX_STALENESS_MS: wholeNumber(2_000, 3_600_000).default(30_000),
    LOG_LEVEL: logLevel.default('info'),
  })
  .refine(listensOnLoopback, elseRefuseHost);
export type StandaloneSettings = z.infer<typeof standaloneSettings>;
