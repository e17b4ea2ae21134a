import { z } from 'zod';
import { scopesFile } from '#contracts/scope-catalogue';
import { eventStoreUrl } from '#event-store/connection-setting';
import { port } from '#runtime/settings';

/** What the operator's commands read from their environment (docs/settings.md); the same as what they operate on has. */
export const opsSettings = z.object({
  /** Unset: the event store of a standalone on this machine. */
  EVENTSTORE_URL: eventStoreUrl.optional(),
  EVENTSTORE_PORT: port.default(2113),
  SCOPES_FILE: scopesFile,
});
export type OpsSettings = z.infer<typeof opsSettings>;

/** Where the events are: a connection string, and its name for people, which holds no password. */
export function eventLogOf({ EVENTSTORE_URL, EVENTSTORE_PORT }: OpsSettings): { url: string; name: string } {
  if (EVENTSTORE_URL !== undefined) return { url: EVENTSTORE_URL, name: 'the event store of EVENTSTORE_URL' };
  const address = `127.0.0.1:${EVENTSTORE_PORT}`;
  return { url: `esdb://${address}?tls=false`, name: `the event store at ${address} (EVENTSTORE_PORT)` };
}
