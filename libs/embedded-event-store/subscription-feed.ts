import { setImmediate as nextTurn } from 'node:timers/promises';
import { type EventReader } from './event-reader.ts';
import { type Outlet } from './outlet.ts';
import { type ReadRequest } from './wire/read-request.ts';
import { streamDeleted } from './wire/errors.ts';
import { caughtUp, checkpoint, fellBehind } from './wire/read-response.ts';
import { WireFault } from './wire-fault.ts';

type Send = (stored: Buffer) => Promise<void> | undefined;

/**
 * A subscription is a cursor over the log: it sends what lies behind the cursor, moves it, and waits for a flush when
 * nothing is left. Catching up and following live are the same loop, so the hand-over has no gap and no duplicate, and a
 * slow client costs no memory. A follower that finds more than a whole chunk waiting has fallen behind.
 */
export async function followAll(
  { from, filter, checkpointInterval }: ReadRequest,
  reader: EventReader,
  send: Send,
  outlet: Outlet,
): Promise<void> {
  // Exclusive: the client names the last event that it has.
  let next = from === 'end' ? reader.end : from === undefined ? 0 : from + 1;
  let considered = 0;
  let last = from === 'end' ? reader.newest : from;
  const pace = new Pace(outlet);
  while (!outlet.isGone()) {
    const end = reader.end;
    const chunk = reader.allAfter(next);
    if (await pace.turn(chunk.length)) {
      if (filter !== undefined && last !== undefined) await outlet.write(checkpoint(last));
      await outlet.write(caughtUp());
    }
    for (const { position, stored } of chunk) {
      if (outlet.isGone()) return;
      if (filter?.(stored) ?? true) {
        const full = send(stored);
        if (full !== undefined) await full;
      }
      last = position;
      if (filter !== undefined && ++considered % checkpointInterval === 0) await outlet.write(checkpoint(position));
    }
    const lastSent = chunk.at(-1)?.position;
    if (lastSent !== undefined) {
      next = lastSent + 1;
      // A long stretch that the filter leaves out must not hold up everybody else.
      await nextTurn();
    } else await reader.writtenFrom((next = Math.max(next, end)), outlet.signal);
  }
}

export async function followStream(
  { from, stream }: ReadRequest & { stream: string },
  reader: EventReader,
  send: Send,
  outlet: Outlet,
): Promise<void> {
  let next = from === 'end' ? reader.lastRevision(stream) + 1 : from === undefined ? 0 : from + 1;
  const pace = new Pace(outlet);
  while (!outlet.isGone()) {
    const seenTo = reader.end;
    if (reader.findStream(stream).outcome === 'tombstoned') throw new WireFault(streamDeleted(stream));
    const chunk = reader.streamAfter(stream, next);
    if (await pace.turn(chunk.next - next)) await outlet.write(caughtUp());
    for (const stored of chunk.events) {
      if (outlet.isGone()) return;
      const full = send(stored);
      if (full !== undefined) await full;
    }
    if (chunk.next !== next) await nextTurn();
    else await reader.writtenFrom(seenTo, outlet.signal);
    next = chunk.next;
  }
}

/** More than this waiting for a live subscriber means that it fell behind: a whole chunk, and not its first. */
const BEHIND_AFTER_CHUNKS = 2;

/** Tells the client each time it catches up with the log or falls behind. */
class Pace {
  private live = false;
  private chunksInARow = 0;

  constructor(private readonly outlet: Outlet) {}

  /** @returns whether the client has just caught up */
  async turn(waiting: number): Promise<boolean> {
    this.chunksInARow = waiting === 0 ? 0 : this.chunksInARow + 1;
    if (waiting === 0 && !this.live) return (this.live = true);
    if (this.live && this.chunksInARow > BEHIND_AFTER_CHUNKS) {
      this.live = false;
      await this.outlet.write(fellBehind());
    }
    return false;
  }
}
