import { randomUUID } from 'node:crypto';
import { type EventStore } from '#event-store/event-store';

const STREAM = 'latchkey-log';

/**
 * Which log this is: the random id of the first event of stream `latchkey-log`. A projection remembers it, so that another
 * log under the same address is noticed. Undefined: the log has none yet.
 */
export async function readLogId(store: EventStore): Promise<string | undefined> {
  const read = await store.readStream(STREAM);
  if (read.outcome === 'tombstoned')
    throw new Error(`Stream ${STREAM} was deleted: the log can't be told from others.`);
  return read.outcome === 'found' ? read.events[0]?.id : undefined;
}

/** Gives a new log its id. Of several that try at once, the log takes one's. */
export async function ensureLogId(store: EventStore): Promise<string> {
  const known = await readLogId(store);
  if (known !== undefined) return known;
  await store.append(STREAM, 'none', [
    { id: randomUUID(), type: 'LogStarted', data: {}, metadata: { schemaVersion: 1 } },
  ]);
  const written = await readLogId(store);
  if (written === undefined) throw new Error(`Stream ${STREAM} can't be written.`);
  return written;
}
