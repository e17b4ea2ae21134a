import { createHash } from 'node:crypto';
import { type UserCommand } from './user-command.ts';

/**
 * What makes a repeated commandId the same command: its name and its payload. 128 bits of SHA-256 over JSON with sorted
 * names, base64url; two payloads of one user would have to collide to be taken for another.
 */
export function payloadDigest({ topic, request }: UserCommand): string {
  const text = JSON.stringify([topic, Object.entries(request).sort(([one], [other]) => (one < other ? -1 : 1))]);
  return createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url');
}
