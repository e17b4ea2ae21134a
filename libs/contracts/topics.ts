import type { z } from 'zod';
import {
  changeKeyRequest,
  createKeyRequest,
  deleteKeyReply,
  deleteKeyRequest,
  deleteUserReply,
  deleteUserRequest,
  keyReply,
  rollKeyRequest,
} from './commands.ts';
import { lastUsedReply, lastUsedRequest } from './last-use.ts';
import { getKeyReply, getKeyRequest, listKeysReply, listKeysRequest } from './queries.ts';
import { isCommonVerdict, verifyReply, verifyRequest } from './verification.ts';

/**
 * Every request topic with what travels on it. No request or reply has a top-level `key` or `value`: Nest would take it
 * for a Kafka message.
 */
export const TOPICS = {
  'keys.create': { request: createKeyRequest, reply: keyReply },
  'keys.roll': { request: rollKeyRequest, reply: keyReply },
  'keys.change': { request: changeKeyRequest, reply: keyReply },
  'keys.delete': { request: deleteKeyRequest, reply: deleteKeyReply },
  'keys.list': { request: listKeysRequest, reply: listKeysReply },
  'keys.get': { request: getKeyRequest, reply: getKeyReply },
  'keys.last-used': { request: lastUsedRequest, reply: lastUsedReply },
  'users.delete': { request: deleteUserRequest, reply: deleteUserReply },
  'keys.verify': { request: verifyRequest, reply: verifyReply },
} as const satisfies Record<string, { request: z.ZodType; reply: z.ZodType }>;

/** Of a topic whose replies are checked very often: what its schema accepts as it is, told sooner. */
const COMMON_REPLIES: Partial<Record<Topic, (reply: unknown) => boolean>> = { 'keys.verify': isCommonVerdict };

/** @returns undefined: the contract does not accept it */
export function parseReply<T extends Topic>(topic: T, reply: unknown): ReplyOf<T> | undefined {
  if (COMMON_REPLIES[topic]?.(reply) === true) return reply as ReplyOf<T>;
  const parsed = TOPICS[topic].reply.safeParse(reply);
  return parsed.success ? (parsed.data as ReplyOf<T>) : undefined;
}

export type Topic = keyof typeof TOPICS;
export type RequestOf<T extends Topic> = z.infer<(typeof TOPICS)[T]['request']>;
export type ReplyOf<T extends Topic> = z.infer<(typeof TOPICS)[T]['reply']>;
