import { type EventLog } from './event-log.ts';
import { RecentlyUsed } from './recently-used.ts';
import { idOf, revisionOf, streamOf } from './stored-event.ts';

export interface RememberedEvent {
  readonly stream: string;
  readonly revision: number;
}

const MAX_IDS = 65_536;

/**
 * The newest events by id, for appends that expect `any` or `stream_exists`. EventStoreDB has the same bounded memory
 * and promises no more; what expects a revision is recognised from the log itself.
 */
export class RecentIds {
  private readonly ids = new RecentlyUsed<RememberedEvent>(MAX_IDS);

  get(id: string): RememberedEvent | undefined {
    return this.ids.get(id);
  }

  add(events: Iterable<[string, RememberedEvent]>): void {
    for (const [id, event] of events) this.ids.set(id, event);
  }
}

/** How many events a start reads back: enough for what clients repeat after a restart, and a few milliseconds. */
const REMEMBERED_AT_START = 2_000;

export function recentIdsOf(log: EventLog): RecentIds {
  const ids = new RecentIds();
  const newest = log.readAll(0, log.nextPosition, REMEMBERED_AT_START, true).reverse();
  ids.add(
    newest.map(({ stored }) => [idOf(stored), { stream: streamOf(stored), revision: Number(revisionOf(stored)) }]),
  );
  return ids;
}
