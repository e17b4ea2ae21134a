import { setTimeout as delay } from 'node:timers/promises';
import { type Requests } from './requests.ts';
import { RequestFault } from './request-fault.ts';

const DEFAULT_WAIT_MS = 1_000;
const PAUSE_MS = 10;

/**
 * Waits until the whole lookup has reached `position`, so that whoever made a change sees it in their next request.
 * Gives up after `waitMs`: the change is a fact by then, and its position lets the caller insist with `minPosition`.
 */
export async function waitForChange(requests: Requests, position: string, waitMs = DEFAULT_WAIT_MS): Promise<boolean> {
  // Not by the time of day: a clock that is set back must keep nobody from the answer to what they changed.
  const endsAtMs = performance.now() + waitMs;
  for (let leftMs = waitMs; leftMs > 0; leftMs = endsAtMs - performance.now()) {
    if (await isReached(requests, position, Date.now() + Math.ceil(leftMs))) return true;
    await delay(PAUSE_MS);
  }
  return false;
}

/** Without a hash the answer is NOT_FOUND once every shard is there, and STALE before. */
async function isReached(requests: Requests, position: string, deadlineMs: number): Promise<boolean> {
  try {
    const reply = await requests.send('keys.verify', { minPosition: position }, { deadlineMs });
    return 'valid' in reply && !reply.valid && reply.code === 'NOT_FOUND';
  } catch (error) {
    if (error instanceof RequestFault) return false;
    throw error;
  }
}
