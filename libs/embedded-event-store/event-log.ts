import { mkdirSync } from 'node:fs';
import { open, type Database, type RangeOptions, type RootDatabase } from 'lmdb';
import { StoreBroken, within } from './patience.ts';
import { HIGHEST_REVISION, nameKey, positionIn, positionKey, revisionIn, streamKey } from './log-keys.ts';

/** The layout of the LMDB databases below. A store written by a newer format is refused, never guessed at. */
export const STORE_FORMAT = 1;

/** Everything that one transaction puts. Keys and values are complete before it starts, so nothing can fail between two puts. */
export interface LogWrite {
  readonly newStreams: readonly { readonly name: string; readonly number: number }[];
  readonly events: readonly {
    readonly position: number;
    readonly streamNumber: number;
    readonly revision: bigint;
    readonly stored: Buffer;
  }[];
}

/** The store was written by a newer version of this program. */
export class NewerStoreFormat extends Error {
  override readonly name = 'NewerStoreFormat';
}

/** A write was not stored, and nothing of it is there. Typically the disk is full; the same write may succeed later. */
export class WriteFailed extends Error {
  override readonly name = 'WriteFailed';
}

/** A flush takes milliseconds; a disk that takes longer than this is as good as gone. */
const PATIENCE_MS = 30_000;

/** No event lies below this: position 0 means "from the start" to clients, and they read it as inclusive. */
const FIRST_POSITION = 64;
const MAX_CHUNK_BYTES = 1024 * 1024;

/**
 * The log on disk: `all` (position → stored event), `streams` (stream number + revision → position), `names`
 * (sha256 of a stream's name → its number). One writer at a time. LMDB shows a transaction to readers only after its
 * flush (no overlapping sync), and applies all of it or nothing: its write thread aborts the whole transaction when any
 * put fails.
 */
export class EventLog {
  private nextFree: number;
  private readonly firstFreeStream: number;

  private constructor(
    private readonly root: RootDatabase<Buffer, Buffer>,
    private readonly all: Database<Buffer, Buffer>,
    private readonly streams: Database<Buffer, Buffer>,
    private readonly names: Database<Buffer, Buffer>,
    private readonly patienceMs: number,
  ) {
    const last = first(all.getRange({ reverse: true, limit: 1 }));
    this.nextFree = last === undefined ? FIRST_POSITION : positionIn(last.key) + last.value.length;
    const lastEntry = first(streams.getKeys({ reverse: true, limit: 1 }));
    this.firstFreeStream = lastEntry === undefined ? 1 : positionIn(lastEntry) + 1;
  }

  /** @throws {NewerStoreFormat} */
  static open(folder: string, patienceMs = PATIENCE_MS): EventLog {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const root = open<Buffer, Buffer>({
      path: folder,
      encoding: 'binary',
      keyEncoding: 'binary',
      maxDbs: 8,
      overlappingSync: false,
      // Otherwise lmdb wraps each batch into one of its own, whose rejection nobody can catch.
      eventTurnBatching: false,
    });
    const meta = root.openDB({ name: 'meta', encoding: 'binary', keyEncoding: 'binary' });
    const format = meta.get(FORMAT_KEY)?.toString();
    if (format === undefined) meta.putSync(FORMAT_KEY, Buffer.from(String(STORE_FORMAT)));
    else if (Number(format) !== STORE_FORMAT) {
      void root.close();
      throw new NewerStoreFormat(
        `The event store in ${folder} has format ${format}; this version reads format ${STORE_FORMAT}. Use the version that wrote it, or a newer one.`,
      );
    }
    const database = (name: string) => root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' });
    return new EventLog(root, database('all'), database('streams'), database('names'), patienceMs);
  }

  /** The position that the next event gets; all written ones are below it. */
  get nextPosition(): number {
    return this.nextFree;
  }

  /** The first number that no stream had when the log was opened. */
  get nextStreamNumber(): number {
    return this.firstFreeStream;
  }

  /**
   * Resolves when all of it is on disk and readers can see it.
   * @throws {WriteFailed} when nothing of it is
   * @throws {StoreBroken} when nobody knows, and nothing can be written any more
   */
  async write({ newStreams, events }: LogWrite): Promise<void> {
    // Keys are made first: whatever can throw does so before the transaction, which would keep the puts before the throw.
    const puts = [
      ...newStreams.map(({ name, number }) => [this.names, nameKey(name), positionKey(number)] as const),
      ...events.flatMap(({ position, streamNumber, revision, stored }) => {
        const key = positionKey(position);
        return [[this.all, key, stored] as const, [this.streams, streamKey(streamNumber, revision), key] as const];
      }),
    ];
    const stored = this.root.batch(() => {
      for (const [database, key, value] of puts) void database.put(key, value);
    });
    try {
      await within(this.patienceMs, stored);
    } catch (error) {
      if (error instanceof StoreBroken) throw error;
      throw new WriteFailed('The event store could not write to its disk; nothing was stored.', {
        cause: await reasonOf(error),
      });
    }
  }

  /** To be called when a write has resolved, in one turn with whatever else readers go by. */
  advance({ events }: LogWrite): void {
    const last = events.at(-1);
    if (last !== undefined) this.nextFree = last.position + last.stored.length;
  }

  streamNumber(name: string): number | undefined {
    const value = this.names.get(nameKey(name));
    return value === undefined ? undefined : positionIn(value);
  }

  /** The last revision of a stream; a tombstone's is 2⁶³−1. */
  lastRevision(streamNumber: number): bigint | undefined {
    const last = first(
      this.streams.getKeys({
        start: streamKey(streamNumber, HIGHEST_REVISION),
        end: streamKey(streamNumber, 0n),
        inclusiveEnd: true,
        reverse: true,
        limit: 1,
      }),
    );
    return last && revisionIn(last);
  }

  eventAt(streamNumber: number, revision: bigint): { position: number; stored: Buffer } | undefined {
    const key = this.streams.get(streamKey(streamNumber, revision));
    if (key === undefined) return undefined;
    const stored = this.all.get(key);
    return stored === undefined ? undefined : { position: positionIn(key), stored };
  }

  /** Events of a stream with `from` ≤ revision ≤ `to`, oldest or newest first: the first `limit`, or fewer large ones. */
  readStream(streamNumber: number, from: number, to: number, limit: number, backwards: boolean): StoredRevision[] {
    const low = streamKey(streamNumber, BigInt(from));
    const high = streamKey(streamNumber, BigInt(to));
    return chunkOf(this.streams.getRange(between(low, high, limit, backwards)), ({ key, value }) => {
      const stored = this.all.get(value);
      if (stored === undefined) throw new Error(`No event at position ${positionIn(value)}`);
      return { revision: Number(revisionIn(key)), position: positionIn(value), stored };
    });
  }

  /** Events with `from` ≤ position < `to`, oldest or newest first: the first `limit`, or fewer large ones. */
  readAll(from: number, to: number, limit: number, backwards: boolean): StoredPosition[] {
    if (from >= to) return [];
    const range = this.all.getRange(between(positionKey(from), positionKey(to - 1), limit, backwards));
    return chunkOf(range, ({ key, value }) => ({ position: positionIn(key), stored: value }));
  }

  /** A broken store is left to the end of the process. */
  async close(): Promise<void> {
    await within(this.patienceMs, this.root.close()).catch((error: unknown) => {
      if (!(error instanceof StoreBroken)) throw error;
    });
  }
}

export interface StoredPosition {
  readonly position: number;
  readonly stored: Buffer;
}

export interface StoredRevision extends StoredPosition {
  readonly revision: number;
}

/** lmdb rejects with a general error that holds a second promise, rejected with the reason; it has to be caught, too. */
async function reasonOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error && 'commitError' in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (reason) {
    return reason;
  }
}

interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
}

const FORMAT_KEY = Buffer.from('format');

function between(low: Buffer, high: Buffer, limit: number, backwards: boolean): RangeOptions {
  const [start, end] = backwards ? [high, low] : [low, high];
  return { start, end, inclusiveEnd: true, reverse: backwards, limit };
}

/** Reads on until the chunk is heavy: a reader of megabyte events takes few at a time. */
function chunkOf<Event extends StoredPosition>(range: Iterable<Entry>, read: (entry: Entry) => Event): Event[] {
  const chunk: Event[] = [];
  let bytes = 0;
  for (const entry of range) {
    const event = read(entry);
    chunk.push(event);
    bytes += event.stored.length;
    if (bytes >= MAX_CHUNK_BYTES) break;
  }
  return chunk;
}

function first<T>(entries: Iterable<T>): T | undefined {
  for (const entry of entries) return entry;
  return undefined;
}
