import { z } from 'zod';
import { refusalSchema } from './codes.ts';
import { keyIdSchema, userIdSchema } from './fields.ts';
import { keyRecordSchema } from './key-record.ts';

export const listKeysRequest = z.object({ userId: userIdSchema });
export type ListKeysRequest = z.infer<typeof listKeysRequest>;

/** Newest first; folded from the user's stream, so always current. */
export const listKeysReply = z.union([
  z.object({ ok: z.literal(true), records: z.array(keyRecordSchema) }),
  refusalSchema,
]);
export type ListKeysReply = z.infer<typeof listKeysReply>;

export const getKeyRequest = listKeysRequest.extend({ keyId: keyIdSchema });
export type GetKeyRequest = z.infer<typeof getKeyRequest>;

export const getKeyReply = z.union([z.object({ ok: z.literal(true), record: keyRecordSchema }), refusalSchema]);
export type GetKeyReply = z.infer<typeof getKeyReply>;
