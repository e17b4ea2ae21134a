import { z } from 'zod';
import { positionSchema } from './position.ts';

/** One partition, so that its records have one order; every caching process reads all of them. */
export const KEY_CHANGES_TOPIC = 'keys.changed';

export const MAX_CHANGED_HASHES = 500;

const chained = z.object({
  /** Of the record: what it says holds for the log up to here. Never lower than `prev`. */
  position: positionSchema,
  /** The position of the record before it. Another one than the reader's last: something is missing, forget everything. */
  prev: positionSchema,
});

/**
 * What caches of verdicts are told. No record says what a key is now, only that what was known of it may be wrong; so a
 * record that comes twice, late or for nothing does no harm. A record per event of the log at least, hence `position` and
 * `prev` tell every gap.
 *   changed    forget these hashes;
 *   heartbeat  every change up to `position` has been told; `provedAtMs` (Unix ms, the writer's clock) is when the proof
 *              began that nothing was left to tell, to be compared with the record's own time;
 *   flush      forget everything: another writer, another generation or another log (`logId`) from here on.
 */
export const keyChangeRecord = z.discriminatedUnion('type', [
  chained.extend({ type: z.literal('changed'), hashes: z.array(z.string()).min(1) }),
  chained.extend({ type: z.literal('heartbeat'), provedAtMs: z.number().int() }),
  z.object({ type: z.literal('flush'), position: positionSchema, logId: z.string() }),
]);
export type KeyChangeRecord = z.infer<typeof keyChangeRecord>;
