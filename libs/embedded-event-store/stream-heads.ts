import { type EventLog } from './event-log.ts';
import { dataOf } from './wire/event-data.ts';
import {
  isMetadataStream,
  METADATA_OF_METADATA,
  metadataStreamOf,
  NO_METADATA,
  parseMetadata,
  streamOfMetadata,
  TOMBSTONE_REVISION,
  type StreamMetadata,
} from './stream-metadata.ts';

/** Where a stream stands. `last` is -1 and `number` undefined where nothing was ever written to it. */
export interface StreamHead {
  readonly number: number | undefined;
  readonly last: number;
  readonly tombstoned: boolean;
}

export interface StreamState extends StreamHead {
  readonly metadata: StreamMetadata;
}

const MISSING: StreamHead = { number: undefined, last: -1, tombstoned: false };

/** How many streams' heads are kept in memory; the rest is read from the log again. */
const MAX_HEADS = 50_000;

/** The heads of streams as the log has them, kept in memory. */
export class StreamHeads {
  private readonly heads = new RecentlyUsed<StreamHead>(MAX_HEADS);
  private readonly metadata = new RecentlyUsed<StreamMetadata>(MAX_HEADS);

  constructor(private readonly log: EventLog) {}

  head(stream: string): StreamHead {
    return this.heads.get(stream) ?? this.heads.set(stream, this.readHead(stream));
  }

  /** The whole state: a metadata stream has fixed metadata, and shares the tombstone of the stream that it describes. */
  state(stream: string): StreamState {
    const head = this.head(stream);
    if (!isMetadataStream(stream)) return { ...head, metadata: this.metadataOf(stream) };
    const tombstoned = head.tombstoned || this.head(streamOfMetadata(stream)).tombstoned;
    return { ...head, tombstoned, metadata: METADATA_OF_METADATA };
  }

  /** The data of the last metadata event of a stream. */
  rawMetadata(stream: string): Buffer | undefined {
    const { number, last } = this.head(metadataStreamOf(stream));
    if (number === undefined || last < 0) return undefined;
    const event = this.log.eventAt(number, BigInt(last));
    return event === undefined ? undefined : dataOf(event.stored);
  }

  /** Takes over what a transaction wrote. */
  commit(heads: ReadonlyMap<string, StreamHead>): void {
    for (const [stream, head] of heads) {
      this.heads.set(stream, head);
      if (isMetadataStream(stream)) this.metadata.delete(streamOfMetadata(stream));
    }
  }

  private metadataOf(stream: string): StreamMetadata {
    const known = this.metadata.get(stream);
    if (known !== undefined) return known;
    const raw = this.rawMetadata(stream);
    return this.metadata.set(stream, raw === undefined ? NO_METADATA : parseMetadata(raw));
  }

  private readHead(stream: string): StreamHead {
    const number = this.log.streamNumber(stream);
    if (number === undefined) return MISSING;
    const last = this.log.lastRevision(number);
    if (last === undefined) return { number, last: -1, tombstoned: false };
    if (last < TOMBSTONE_REVISION) return { number, last: Number(last), tombstoned: false };
    return { number, last: -1, tombstoned: true };
  }
}

class RecentlyUsed<T> {
  private readonly entries = new Map<string, T>();

  constructor(private readonly limit: number) {}

  get(key: string): T | undefined {
    const value = this.entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: T): T {
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size > this.limit) {
      for (const oldest of this.entries.keys()) {
        this.entries.delete(oldest);
        break;
      }
    }
    return value;
  }

  delete(key: string): void {
    this.entries.delete(key);
  }
}
