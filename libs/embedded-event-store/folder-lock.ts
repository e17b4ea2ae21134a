import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { open, type RootDatabase, type Transaction } from 'lmdb';

/** The folder belongs to another process, or to another store in this one. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse';
}

/** Two processes that start at once see each other and both step back; a holder never does. */
const ATTEMPTS = 6;
const MAX_PAUSE_MS = 150;

/** Per process and not per module, since a process may load this file twice. */
const HELD = Symbol.for('latchkey.event-store.folders');

/**
 * A lock on a folder that the kernel drops with its process, however that ends. Node has no file locks, but LMDB does: a
 * process that reads an environment holds an fcntl lock on the byte of the lock file whose number is its pid, and has its
 * pid in the table of readers. So a pid counts only while its lock is held: one left behind, or given to another program
 * since, counts for nothing. Each process enters the table first and looks at it afterwards; therefore of two that start
 * at the same moment at least one sees the other, and never do both believe they are alone.
 * An environment of its own, because a reader that never lets go would keep the store from reusing pages.
 */
export class FolderLock {
  private constructor(
    private readonly folder: string,
    private readonly seat: Seat,
    private readonly held: Map<string, Seat | undefined>,
  ) {}

  /** @throws {FolderInUse} */
  static async take(folder: string): Promise<FolderLock> {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const real = realpathSync(folder);
    const held = heldByThisProcess();
    // fcntl locks don't exclude their own process, and closing the file a second time would drop the first's.
    if (held.has(real)) throw inUse(folder, process.pid);
    held.set(real, undefined);
    try {
      const seat = await enter(folder, real);
      held.set(real, seat);
      return new FolderLock(real, seat, held);
    } catch (error) {
      held.delete(real);
      throw error;
    }
  }

  async release(): Promise<void> {
    this.seat.transaction.done();
    await this.seat.environment.close();
    this.held.delete(this.folder);
  }
}

async function enter(folder: string, real: string): Promise<Seat> {
  for (let attempt = 1; ; attempt++) {
    const environment = open({ path: join(real, 'lock'), maxReaders: 64 });
    const seat = takeSeat(environment);
    const other = seat && othersIn(environment)[0];
    if (seat !== undefined && other === undefined) return seat;
    await environment.close();
    if (seat === undefined || attempt === ATTEMPTS) throw inUse(folder, other);
    await pause(Math.random() * MAX_PAUSE_MS);
  }
}

/** The read transaction keeps the place in the table until it is garbage: the global map holds on to it. */
interface Seat {
  readonly environment: RootDatabase;
  readonly transaction: Transaction;
}

/** Enters the table for good. It fails where the lock of this pid is taken: by a process of another pid namespace. */
function takeSeat(environment: RootDatabase): Seat | undefined {
  try {
    return { environment, transaction: environment.useReadTransaction() };
  } catch {
    return undefined;
  }
}

/** Pids in the table whose locks are held, this process aside. */
function othersIn(environment: RootDatabase): number[] {
  environment.readerCheck();
  return environment
    .readerList()
    .split('\n')
    .map((line) => Number(/^\s*(\d+)\s/.exec(line)?.[1]))
    .filter((pid) => pid > 0 && pid !== process.pid);
}

function heldByThisProcess(): Map<string, Seat | undefined> {
  const globals = globalThis as unknown as Record<symbol, Map<string, Seat | undefined> | undefined>;
  globals[HELD] ??= new Map();
  return globals[HELD];
}

function inUse(folder: string, pid: number | undefined): FolderInUse {
  const holder = pid ? `process ${pid}` : 'another process';
  return new FolderInUse(`The event store in ${folder} is in use by ${holder}. Stop it, or use another folder.`);
}
