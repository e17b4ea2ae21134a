import { z } from 'zod';
import { refusalSchema } from './codes.ts';
import { keyIdSchema, userIdSchema } from './fields.ts';

export const MAX_LAST_USED_ITEMS = 512;

export const lastUsedRequest = z.object({
  items: z
    .array(z.object({ userId: userIdSchema, keyId: keyIdSchema }))
    .min(1)
    .max(MAX_LAST_USED_ITEMS),
});
export type LastUsedRequest = z.infer<typeof lastUsedRequest>;

/**
 * One time per item, in order: ISO 8601 in UTC, right within an hour; null where no use is known. Refused with UNAVAILABLE
 * where nothing can be said of any of them.
 */
export const lastUsedReply = z.union([z.object({ results: z.array(z.iso.datetime().nullable()) }), refusalSchema]);
export type LastUsedReply = z.infer<typeof lastUsedReply>;
