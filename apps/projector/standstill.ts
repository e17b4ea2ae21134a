import { setTimeout as delay } from 'node:timers/promises';
import { type ProjectionStatus } from './projection-record.ts';

type Progress = Pick<ProjectionStatus, 'proofs' | 'position' | 'rebuilds'>;

/** Looks at the progress within the time that it may stand still. */
const LOOKS = 10;

/**
 * Resolves with true once nothing was proved or applied for `maxMs`, counted in looks: a process that was stopped itself has
 * its time when it goes on. With false when `signal` aborts. Never rejects.
 */
export async function standstill(status: () => Progress, maxMs: number, signal: AbortSignal): Promise<boolean> {
  let last = status();
  for (let looks = 0; looks < LOOKS; looks++) {
    await delay(maxMs / LOOKS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return false;
    const now = status();
    if (isSame(last, now)) continue;
    last = now;
    looks = -1;
  }
  return true;
}

function isSame(one: Progress, other: Progress): boolean {
  return one.proofs === other.proofs && one.position === other.position && one.rebuilds === other.rebuilds;
}
