import { z } from 'zod';
import { EventStore } from './event-store.ts';

/** The setting EVENTSTORE_URL: a connection string that the client can read. */
export const eventStoreUrl = z
  .string('must be esdb://… or esdb+discover://…')
  .refine(isConnectionString, 'must be esdb://… or esdb+discover://…, with options that its client knows');

/** Only the client itself knows what it can read; nothing connects before the first call. */
function isConnectionString(url: string): boolean {
  try {
    void EventStore.connect(url).close();
    return true;
  } catch {
    return false;
  }
}
