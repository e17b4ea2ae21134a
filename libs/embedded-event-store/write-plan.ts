import { randomUUID } from 'node:crypto';
import { decideAppend, type Expected, type StreamView } from './append-rules.ts';
import { type EventLog, type LogWrite } from './event-log.ts';
import { type RecentIds } from './recent-ids.ts';
import { dataOf } from './wire/event-data.ts';
import { type ProposedEvent } from './event.ts';
import { encodeStoredEvent, idOf } from './stored-event.ts';
import { type StreamHead, type StreamHeads } from './stream-heads.ts';
import {
  isMetadataStream,
  METADATA_OF_METADATA,
  metadataStreamOf,
  NO_METADATA,
  parseMetadata,
  recreatedFrom,
  SOFT_DELETION,
  streamOfMetadata,
  TOMBSTONE_REVISION,
  type StreamMetadata,
} from './stream-metadata.ts';

export type WriteRequest =
  | {
      readonly kind: 'append';
      readonly stream: string;
      readonly expected: Expected;
      readonly events: readonly ProposedEvent[];
    }
  | { readonly kind: 'soft-delete' | 'tombstone'; readonly stream: string; readonly expected: Expected };

/** `revision`: the last one that the request wrote (first or again); -1 after an append of nothing to a missing stream. */
export type WriteOutcome =
  | { readonly outcome: 'written'; readonly revision: number; readonly position: number | undefined }
  | { readonly outcome: 'wrong-version'; readonly last: number }
  | { readonly outcome: 'deleted' };

/**
 * What one transaction writes: requests are decided one after the other, each seeing what those before it will write.
 * Nothing here touches the log; if the transaction fails, the plan is simply forgotten.
 */
export class WritePlan {
  readonly heads = new Map<string, StreamHead>();
  readonly ids = new Map<string, { readonly stream: string; readonly revision: number }>();
  private readonly newStreams: { name: string; number: number }[] = [];
  private readonly events: { position: number; streamNumber: number; revision: bigint; stored: Buffer }[] = [];
  private readonly stagedEvents = new Map<string, Buffer>();
  private nextPosition: number;

  constructor(
    private readonly log: EventLog,
    private readonly committed: StreamHeads,
    private readonly recentIds: RecentIds,
    private nextStreamNumber: number,
    private readonly nowMs: number,
  ) {
    this.nextPosition = log.nextPosition;
  }

  get write(): LogWrite {
    return { newStreams: this.newStreams, events: this.events };
  }

  get freeStreamNumber(): number {
    return this.nextStreamNumber;
  }

  add(request: WriteRequest): WriteOutcome {
    const { stream, expected } = request;
    const ids = request.kind === 'append' ? request.events.map(({ id }) => id) : [randomUUID()];
    const decision = decideAppend(this.view(stream), expected, ids);
    switch (decision.outcome) {
      case 'deleted':
      case 'wrong-version':
        return decision;
      case 'repeated':
        return {
          outcome: 'written',
          revision: decision.revision,
          position: this.positionAt(stream, decision.revision),
        };
      case 'write':
        return request.kind === 'append'
          ? this.append(stream, request.events, decision.first, decision.recreates)
          : this.delete(stream, request.kind);
    }
  }

  private append(
    stream: string,
    events: readonly ProposedEvent[],
    first: number,
    recreates: boolean,
  ): Extract<WriteOutcome, { outcome: 'written' }> {
    const described = isMetadataStream(stream) ? streamOfMetadata(stream) : undefined;
    const undeletes = described !== undefined && events.length > 0 && this.metadata(described).softDeleted;
    let position: number | undefined;
    for (const [index, event] of events.entries()) position = this.put(stream, event, first + index);
    if (recreates) this.putMetadata(stream, recreatedFrom(this.rawMetadata(stream), first));
    // Metadata written to a soft-deleted stream bring it back, empty (24.6, `StorageWriterService`).
    if (undeletes)
      this.putMetadata(described, recreatedFrom(this.rawMetadata(described), this.head(described).last + 1));
    return { outcome: 'written', revision: first + events.length - 1, position };
  }

  private delete(stream: string, kind: 'soft-delete' | 'tombstone'): WriteOutcome {
    const { last } = this.head(stream);
    if (kind === 'tombstone') {
      return { outcome: 'written', revision: last, position: this.put(stream, tombstone(), 'tombstone') };
    }
    // A stream that never was can get a tombstone, but no soft deletion (24.6, `StorageWriterService`).
    if (last < 0 && this.head(metadataStreamOf(stream)).last < 0) return { outcome: 'wrong-version', last };
    return { outcome: 'written', revision: last, position: this.putMetadata(stream, SOFT_DELETION) };
  }

  private putMetadata(stream: string, data: Buffer): number {
    const metadataStream = metadataStreamOf(stream);
    return this.put(
      metadataStream,
      { id: randomUUID(), type: '$metadata', isJson: true, data, metadata: EMPTY },
      this.head(metadataStream).last + 1,
    );
  }

  private put(stream: string, event: ProposedEvent, at: number | 'tombstone'): number {
    const head = this.head(stream);
    const revision = at === 'tombstone' ? TOMBSTONE_REVISION : BigInt(at);
    const number = head.number ?? this.newStream(stream);
    const position = this.nextPosition;
    const stored = encodeStoredEvent(event, { stream, revision, position, createdMs: this.nowMs });
    this.events.push({ position, streamNumber: number, revision, stored });
    this.stagedEvents.set(`${number}/${revision}`, stored);
    this.nextPosition += stored.length;
    if (at === 'tombstone') this.heads.set(stream, { number, last: -1, tombstoned: true });
    else {
      this.heads.set(stream, { number, last: at, tombstoned: false });
      this.ids.set(event.id, { stream, revision: at });
    }
    return position;
  }

  private newStream(name: string): number {
    const number = this.nextStreamNumber++;
    this.newStreams.push({ name, number });
    return number;
  }

  private view(stream: string): StreamView {
    const head = this.head(stream);
    const described = isMetadataStream(stream) ? this.head(streamOfMetadata(stream)) : undefined;
    const hasMetadata = () => this.head(metadataStreamOf(stream)).last >= 0;
    return {
      last: head.last,
      tombstoned: head.tombstoned || (described?.tombstoned ?? false),
      softDeleted: this.metadata(stream).softDeleted,
      // Seldom asked for, and a look into the log.
      get hasMetadata() {
        return hasMetadata();
      },
      idAt: (revision) => {
        const stored = this.storedAt(stream, revision);
        return stored === undefined ? undefined : idOf(stored);
      },
      rememberedRevision: (id) => {
        const known = this.ids.get(id) ?? this.recentIds.get(id);
        return known?.stream === stream ? known.revision : undefined;
      },
    };
  }

  private head(stream: string): StreamHead {
    return this.heads.get(stream) ?? this.committed.head(stream);
  }

  private metadata(stream: string): StreamMetadata {
    if (isMetadataStream(stream)) return METADATA_OF_METADATA;
    if (!this.heads.has(metadataStreamOf(stream))) return this.committed.state(stream).metadata;
    const raw = this.rawMetadata(stream);
    return raw === undefined ? NO_METADATA : parseMetadata(raw);
  }

  private rawMetadata(stream: string): Buffer | undefined {
    const metadataStream = metadataStreamOf(stream);
    const stored = this.storedAt(metadataStream, this.head(metadataStream).last);
    return stored === undefined ? undefined : dataOf(stored);
  }

  private storedAt(stream: string, revision: number): Buffer | undefined {
    const { number } = this.head(stream);
    if (number === undefined || revision < 0) return undefined;
    return this.stagedEvents.get(`${number}/${revision}`) ?? this.log.eventAt(number, BigInt(revision))?.stored;
  }

  private positionAt(stream: string, revision: number): number | undefined {
    const { number } = this.head(stream);
    if (number === undefined) return undefined;
    const staged = this.events.find((event) => event.streamNumber === number && event.revision === BigInt(revision));
    return staged?.position ?? this.log.eventAt(number, BigInt(revision))?.position;
  }
}

const EMPTY = Buffer.alloc(0);

function tombstone(): ProposedEvent {
  return { id: randomUUID(), type: '$streamDeleted', isJson: false, data: EMPTY, metadata: EMPTY };
}
