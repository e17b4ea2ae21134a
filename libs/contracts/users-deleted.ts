import { z } from 'zod';
import { userIdSchema } from './fields.ts';

export const USERS_DELETED_TOPIC = 'users.deleted';
export const USERS_DELETED_DEAD_LETTER_TOPIC = 'users.deleted.dead-letter';

const userDeleted = z.object({ userId: userIdSchema });
/** Structured mode; of its attributes only what tells that it is one is looked at. */
const cloudEvent = z.object({ specversion: z.literal('1.0'), data: userDeleted });

/** `reason`: why nobody can ever act on it. It never quotes what was sent. */
export type UserDeletedRecord = { readonly userId: string } | { readonly reason: string };

/**
 * What a record of `users.deleted` says: JSON `{"userId": "…"}`, or a CloudEvent 1.0 in structured mode with that as its
 * `data`. (A CloudEvent in binary mode has that as its value, too.) Further fields are for others.
 */
export function parseUserDeleted(value: Uint8Array | null): UserDeletedRecord {
  if (value === null) return { reason: 'the record has no value' };
  let json: unknown;
  try {
    json = JSON.parse(utf8.decode(value));
  } catch {
    return { reason: 'the value is not JSON in UTF-8' };
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return { reason: 'the value is not an object' };
  if (Object.hasOwn(json, 'specversion')) {
    const parsed = cloudEvent.safeParse(json);
    return parsed.success
      ? parsed.data.data
      : { reason: `not a CloudEvent 1.0 with a userId: ${placesOf(parsed.error)}` };
  }
  const parsed = userDeleted.safeParse(json);
  return parsed.success ? parsed.data : { reason: `not a deleted user: ${placesOf(parsed.error)}` };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function placesOf({ issues }: z.ZodError): string {
  return [...new Set(issues.map(({ path }) => path.join('.')))].map((place) => `${place} is not valid`).join(', ');
}
