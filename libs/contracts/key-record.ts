import { z } from 'zod';

/** A key as its owner sees it. Times are ISO 8601 in UTC; `legacy` marks a hash from before February 2024. */
export const keyRecordSchema = z.object({
  keyId: z.string(),
  userId: z.string(),
  label: z.string(),
  description: z.string().nullable(),
  scopes: z.array(z.string()),
  /** Null on imported keys whose mask was never kept. */
  mask: z.string().nullable(),
  createdAt: z.iso.datetime(),
  lastRolledAt: z.iso.datetime().nullable(),
  legacy: z.boolean(),
});
export type KeyRecord = z.infer<typeof keyRecordSchema>;
