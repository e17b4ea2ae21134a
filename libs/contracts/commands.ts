import { z } from 'zod';
import { refusalSchema } from './codes.ts';
import {
  commandIdSchema,
  descriptionSchema,
  keyIdSchema,
  labelSchema,
  maskSchema,
  modernHashSchema,
  scopesSchema,
  userIdSchema,
} from './fields.ts';
import { keyRecordSchema } from './key-record.ts';
import { positionSchema } from './position.ts';

const command = z.object({ commandId: commandIdSchema, userId: userIdSchema });
const keyCommand = command.extend({ keyId: keyIdSchema });

export const createKeyRequest = keyCommand.extend({
  label: labelSchema,
  description: descriptionSchema.optional(),
  scopes: scopesSchema,
  hash: modernHashSchema,
  mask: maskSchema,
});
export type CreateKeyRequest = z.infer<typeof createKeyRequest>;

export const rollKeyRequest = keyCommand.extend({ hash: modernHashSchema, mask: maskSchema });
export type RollKeyRequest = z.infer<typeof rollKeyRequest>;

/** What is left out stays as it is; everything that is given changes in one append. */
export const changeKeyRequest = keyCommand.extend({
  label: labelSchema.optional(),
  description: descriptionSchema.optional(),
  scopes: scopesSchema.optional(),
});
export type ChangeKeyRequest = z.infer<typeof changeKeyRequest>;

export const deleteKeyRequest = keyCommand;
export type DeleteKeyRequest = z.infer<typeof deleteKeyRequest>;

export const deleteUserRequest = command;
export type DeleteUserRequest = z.infer<typeof deleteUserRequest>;

/** `position` is that of the command's last event; where nothing had to change, of the stream's last event. */
const done = z.object({ ok: z.literal(true), position: positionSchema });

export const keyReply = z.union([done.extend({ record: keyRecordSchema }), refusalSchema]);
export type KeyReply = z.infer<typeof keyReply>;

export const deleteKeyReply = z.union([done, refusalSchema]);
export type DeleteKeyReply = z.infer<typeof deleteKeyReply>;

/** `deletedKeys`: the ids of the keys that went with the user. */
export const deleteUserReply = z.union([done.extend({ deletedKeys: z.array(z.string()) }), refusalSchema]);
export type DeleteUserReply = z.infer<typeof deleteUserReply>;
