import { randomUUID } from 'node:crypto';
import { type EventStore } from '#event-store/event-store';
import { type Checkpoint } from '#key-lookup/lookup-store';

const STREAM = 'latchkey-log';

/** Gives a new log its id. Of several that try at once, the log takes one's. */
export async function ensureLogId(store: EventStore, signal: AbortSignal): Promise<string> {
  const known = await readLogId(store, signal);
  if (known !== undefined) return known;
  const started = { id: randomUUID(), type: 'LogStarted', data: {}, metadata: { schemaVersion: 1 } };
  await store.append(STREAM, 'none', [started], { signal });
  const written = await readLogId(store, signal);
  if (written === undefined) throw new Error(`Stream ${STREAM} can't be written.`);
  return written;
}

/** @throws LogReplaced */
export async function requireLogId(store: EventStore, logId: string, signal: AbortSignal): Promise<void> {
  if ((await readLogId(store, signal)) !== logId) throw new LogReplaced('The log has another id.');
}

/**
 * A log that was restored from a backup keeps its id, and may have grown past any position. But ids of events are random:
 * where the very event is still there, so is all that was before it. @throws LogReplaced
 */
export async function requireEventAt(store: EventStore, mark: Checkpoint, signal: AbortSignal): Promise<void> {
  if (mark.eventId === undefined) return;
  requireSameEvent(mark, (await store.readEventAt(mark, { signal }))?.id);
}

/** As `requireEventAt`, where it is known already which event is there. */
export function requireSameEvent({ eventId }: Checkpoint, found: string | undefined): void {
  if (eventId !== undefined && eventId !== found) {
    throw new LogReplaced('The event that the lookup has got to is not in the log.');
  }
}

/**
 * Which log this is: the random id of the first event of stream `latchkey-log`. A projection remembers it, so that another
 * log under the same address is noticed. Undefined: the log has none yet.
 */
async function readLogId(store: EventStore, signal: AbortSignal): Promise<string | undefined> {
  const read = await store.readStream(STREAM, 0n, { signal });
  if (read.outcome === 'tombstoned')
    throw new Error(`Stream ${STREAM} was deleted: the log can't be told from others.`);
  return read.outcome === 'found' ? read.events[0]?.id : undefined;
}

/** The log is not the one that the generation was built from, or lost its end. */
export class LogReplaced extends Error {
  override readonly name = 'LogReplaced';
}
