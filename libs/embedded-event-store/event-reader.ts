import { type EventFilter } from './event-filter.ts';
import { type EventLog, type StoredPosition } from './event-log.ts';
import { createdMsOf } from './stored-event.ts';
import { type StreamHeads, type StreamState } from './stream-heads.ts';
import { oldestVisible } from './stream-metadata.ts';

/** How many events are taken from the log at once: no read transaction outlives one of these. */
const CHUNK = 256;

export type StreamLookup =
  | { readonly outcome: 'found'; readonly state: StreamState & { readonly number: number } }
  | { readonly outcome: 'missing' }
  | { readonly outcome: 'tombstoned' };

/** Reads of what is flushed. Each generator takes a chunk of the log at a time, and lets others run between chunks. */
export class EventReader {
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly log: EventLog,
    private readonly heads: StreamHeads,
    private readonly now: () => number = Date.now,
  ) {}

  /** All written events are below this position. */
  get end(): number {
    return this.log.nextPosition;
  }

  /** The position of the newest event, undefined in an empty log. */
  get newest(): number | undefined {
    return this.log.readAll(0, this.end, 1, true)[0]?.position;
  }

  /** Missing is what a reader sees as missing: a soft-deleted stream, too. */
  findStream(stream: string): StreamLookup {
    const state = this.heads.state(stream);
    if (state.tombstoned) return { outcome: 'tombstoned' };
    const { number } = state;
    if (number === undefined || state.last < 0 || state.metadata.softDeleted) return { outcome: 'missing' };
    return { outcome: 'found', state: { ...state, number } };
  }

  /** The last revision ever written to a stream, -1 for none. */
  lastRevision(stream: string): number {
    return this.heads.head(stream).last;
  }

  /** A chunk of a stream's events at revisions ≥ `from`, as its metadata let a reader see them. */
  streamAfter(stream: string, from: number): { events: Buffer[]; next: number } {
    const found = this.findStream(stream);
    if (found.outcome !== 'found') return { events: [], next: from };
    const { number, last, metadata } = found.state;
    const low = Math.max(from, oldestVisible(metadata, last));
    const chunk = this.log.readStream(number, low, last, CHUNK, false);
    return {
      events: chunk.filter(({ stored }) => this.isYoung(stored, metadata.maxAgeMs)).map(({ stored }) => stored),
      next: (chunk.at(-1)?.revision ?? from - 1) + 1,
    };
  }

  /** Events of a stream from a revision, inclusive, in chunks. */
  *readStream(state: StreamState & { number: number }, from: number, count: number, backwards: boolean) {
    const { number, last, metadata } = state;
    const oldest = oldestVisible(metadata, last);
    let next = backwards ? Math.min(from, last) : Math.max(from, oldest);
    let left = count;
    while (left > 0 && next >= oldest && next <= last) {
      const limit = Math.min(CHUNK, left);
      const chunk = backwards
        ? this.log.readStream(number, oldest, next, limit, true)
        : this.log.readStream(number, next, last, limit, false);
      const edge = chunk.at(-1);
      if (edge === undefined) return;
      const events = chunk.flatMap(({ stored }) => (this.isYoung(stored, metadata.maxAgeMs) ? [stored] : []));
      left -= events.length;
      yield events;
      next = edge.revision + (backwards ? -1 : 1);
    }
  }

  /** A chunk of all events at positions ≥ `from`. */
  allAfter(from: number): StoredPosition[] {
    return this.log.readAll(from, this.end, CHUNK, false);
  }

  /** All events: forwards from a position, inclusive; backwards from before it, as EventStoreDB reads. */
  *readAll(from: number, count: number, backwards: boolean, filter: EventFilter | undefined) {
    const end = this.end;
    let next = Math.min(from, end);
    let left = count;
    while (left > 0) {
      const limit = filter === undefined ? Math.min(CHUNK, left) : CHUNK;
      const chunk = backwards ? this.log.readAll(0, next, limit, true) : this.log.readAll(next, end, limit, false);
      const edge = chunk.at(-1);
      if (edge === undefined) return;
      const events = chunk
        .map(({ stored }) => stored)
        .filter((stored) => filter?.(stored) ?? true)
        .slice(0, left);
      left -= events.length;
      yield events;
      next = edge.position + (backwards ? 0 : 1);
    }
  }

  /** To be called after each flush. */
  announce(): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Resolves when something was written at or after a position, or the signal aborts. */
  async writtenFrom(position: number, signal: AbortSignal): Promise<void> {
    if (this.end > position || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake);
        this.waiting.delete(wake);
        resolve();
      };
      signal.addEventListener('abort', wake);
      this.waiting.add(wake);
    });
  }

  private isYoung(stored: Buffer, maxAgeMs: number | undefined): boolean {
    return maxAgeMs === undefined || createdMsOf(stored) > this.now() - maxAgeMs;
  }
}
