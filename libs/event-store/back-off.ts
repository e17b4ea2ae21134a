import { setTimeout as after } from 'node:timers/promises';

export interface BackOff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Doubles with each failure in a row up to `maxMs`; the half that is random keeps many processes from returning at once. */
export function backOffMs({ firstMs, maxMs }: BackOff, failures: number): number {
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(failures, 30));
  return ceiling / 2 + (Math.random() * ceiling) / 2;
}

/** Resolves after `ms`, or at once when aborted; never rejects. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await after(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}
