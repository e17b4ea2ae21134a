import { type RecordedEvent } from '#event-store/recorded-event';
import { type LookupBatch } from '#key-lookup/generation-writer';
import { parseKeyEvent } from '#keys/parse-key-event';
import { type KeyOwner, projectKey } from '#keys/project-key';

/** The streams that the lookup is made of. */
export const STREAM_PREFIX = 'userKeys-';

export interface ProjectedEvents {
  readonly events: LookupBatch['events'];
  /** Keys that are no more. */
  readonly deleted: readonly KeyOwner[];
  /** Events in our streams that mean nothing to this version, or name another user than their stream does. */
  readonly skipped: readonly SkippedEvent[];
}

export interface SkippedEvent {
  readonly stream: string;
  readonly type: string;
  readonly position: bigint;
  /** `user`: it names another one than its stream; the others see parseKeyEvent. */
  readonly reason: 'type' | 'version' | 'data' | 'user';
}

/** What stored events do to the lookup. Takes any events of the log and passes over those of other streams. */
export function projectEvents(recorded: readonly RecordedEvent[]): ProjectedEvents {
  const events: { position: bigint; changes: ReturnType<typeof projectKey> }[] = [];
  const deleted: KeyOwner[] = [];
  const skipped: SkippedEvent[] = [];
  for (const { stream, type, data, metadata, position } of recorded) {
    // EventStoreDB's own events, such as a tombstone, change nothing here.
    if (!stream.startsWith(STREAM_PREFIX) || type.startsWith('$')) continue;
    const parsed = parseKeyEvent(type, data, metadata);
    if (parsed.outcome === 'unknown' || parsed.event.data.userId !== stream.slice(STREAM_PREFIX.length)) {
      const reason = parsed.outcome === 'unknown' ? parsed.reason : 'user';
      skipped.push({ stream, type, position: position.commit, reason });
      continue;
    }
    const { event } = parsed;
    if (event.type === 'KeyDeleted') deleted.push({ userId: event.data.userId, keyId: event.data.keyId });
    const changes = projectKey(event);
    if (changes.length > 0) events.push({ position: position.commit, changes });
  }
  return { events, deleted, skipped };
}
