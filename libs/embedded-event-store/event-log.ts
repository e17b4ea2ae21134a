import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { open, type Database, type RootDatabase } from 'lmdb';

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

/** No event lies below this: position 0 means "from the start" to clients, and they read it as inclusive. */
const FIRST_POSITION = 64;
const POSITION_BYTES = 8;

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
  ) {
    const last = first(all.getRange({ reverse: true, limit: 1 }));
    this.nextFree = last === undefined ? FIRST_POSITION : positionIn(last.key) + last.value.length;
    const lastEntry = first(streams.getKeys({ reverse: true, limit: 1 }));
    this.firstFreeStream = lastEntry === undefined ? 1 : positionIn(lastEntry) + 1;
  }

  /** @throws {NewerStoreFormat} */
  static open(folder: string): EventLog {
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
    return new EventLog(root, database('all'), database('streams'), database('names'));
  }

  /** The position that the next event gets; all written ones are below it. */
  get nextPosition(): number {
    return this.nextFree;
  }

  /** The first number that no stream had when the log was opened. */
  get nextStreamNumber(): number {
    return this.firstFreeStream;
  }

  /** Resolves when all of it is on disk and readers can see it. @throws {WriteFailed} when nothing of it is. */
  async write({ newStreams, events }: LogWrite): Promise<void> {
    // Keys are made first: whatever can throw does so before the transaction, which would keep the puts before the throw.
    const puts = [
      ...newStreams.map(({ name, number }) => [this.names, nameKey(name), positionKey(number)] as const),
      ...events.flatMap(({ position, streamNumber, revision, stored }) => {
        const key = positionKey(position);
        return [[this.all, key, stored] as const, [this.streams, streamKey(streamNumber, revision), key] as const];
      }),
    ];
    try {
      await this.root.batch(() => {
        for (const [database, key, value] of puts) void database.put(key, value);
      });
    } catch (error) {
      throw new WriteFailed('The event store could not write to its disk; nothing was stored.', {
        cause: await reasonOf(error),
      });
    }
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
        start: streamKey(streamNumber, LAST_KEY),
        end: streamKey(streamNumber, 0n),
        inclusiveEnd: true,
        reverse: true,
        limit: 1,
      }),
    );
    return last?.readBigUInt64BE(POSITION_BYTES);
  }

  eventAt(streamNumber: number, revision: bigint): { position: number; stored: Buffer } | undefined {
    const key = this.streams.get(streamKey(streamNumber, revision));
    if (key === undefined) return undefined;
    const stored = this.all.get(key);
    return stored === undefined ? undefined : { position: positionIn(key), stored };
  }

  /** Events of a stream with `from` ≤ revision ≤ `to`, oldest or newest first, at most `limit`. */
  readStream(streamNumber: number, from: number, to: number, limit: number, backwards: boolean): StoredRevision[] {
    const low = streamKey(streamNumber, BigInt(from));
    const high = streamKey(streamNumber, BigInt(to));
    const range = backwards
      ? this.streams.getRange({ start: high, end: low, inclusiveEnd: true, reverse: true, limit })
      : this.streams.getRange({ start: low, end: high, inclusiveEnd: true, limit });
    return Array.from(range, ({ key, value }) => {
      const stored = this.all.get(value);
      if (stored === undefined) throw new Error(`No event at position ${positionIn(value)}`);
      return { revision: Number(key.readBigUInt64BE(8)), position: positionIn(value), stored };
    });
  }

  /** Events with `from` ≤ position < `to`, oldest or newest first, at most `limit`. */
  readAll(from: number, to: number, limit: number, backwards: boolean): StoredPosition[] {
    if (from >= to) return [];
    const low = positionKey(from);
    const high = positionKey(to - 1);
    const range = backwards
      ? this.all.getRange({ start: high, end: low, inclusiveEnd: true, reverse: true, limit })
      : this.all.getRange({ start: low, end: high, inclusiveEnd: true, limit });
    return Array.from(range, ({ key, value }) => ({ position: positionIn(key), stored: value }));
  }

  async close(): Promise<void> {
    await this.root.close();
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

const LAST_KEY = 2n ** 64n - 1n;
const FORMAT_KEY = Buffer.from('format');

/** Names are hashed because LMDB's keys are bounded and EventStoreDB's names are not. */
function nameKey(name: string): Buffer {
  return createHash('sha256').update(name, 'utf8').digest();
}

function positionKey(position: number): Buffer {
  const key = Buffer.allocUnsafe(POSITION_BYTES);
  key.writeBigUInt64BE(BigInt(position));
  return key;
}

function streamKey(streamNumber: number, revision: bigint): Buffer {
  const key = Buffer.allocUnsafe(2 * POSITION_BYTES);
  key.writeBigUInt64BE(BigInt(streamNumber));
  key.writeBigUInt64BE(revision, POSITION_BYTES);
  return key;
}

function positionIn(key: Buffer): number {
  return Number(key.readBigUInt64BE());
}

function first<T>(entries: Iterable<T>): T | undefined {
  for (const entry of entries) return entry;
  return undefined;
}
