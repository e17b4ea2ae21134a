import { type EventLog } from './event-log.ts';
import { RecentlyUsed } from './recently-used.ts';
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
    const { number, last } = this.headOfMetadata(stream);
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

  /** Not kept for its own sake: what it says of the stream is, and most streams have none. */
  private headOfMetadata(stream: string): StreamHead {
    const metadataStream = metadataStreamOf(stream);
    return this.heads.get(metadataStream) ?? this.readHead(metadataStream);
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
