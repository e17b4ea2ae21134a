import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { sha256Hash } from '#credentials/hash';
import { Secret } from '#credentials/secret';

/** A row of PostHog's table of personal API keys, as a dump in JSON lines has it. */
export interface PosthogRow {
  readonly user_id: number | string;
  readonly id: string;
  readonly label: string;
  readonly created_at: string;
  readonly mask_value: string | null;
  readonly scopes: readonly string[] | null;
  readonly secure_value: string;
}

/** A row that no other call of this makes; with a modern hash of nothing that anybody knows. */
export function aRow(fields: Partial<PosthogRow> = {}): PosthogRow {
  return {
    user_id: 1,
    id: randomBytes(8).toString('hex'),
    label: 'From before',
    created_at: '2023-05-06T07:08:09.123456+00:00',
    mask_value: null,
    scopes: ['insight:read'],
    secure_value: `sha256$${randomBytes(32).toString('hex')}`,
    ...fields,
  };
}

export function modernHashOf(value: string): string {
  return sha256Hash(new Secret(value));
}

/** By Node's own PBKDF2, as PostHog's documentation has it; 1 iteration: as its tests do. */
export function legacyHashOf(value: string, iterations = 1): string {
  const salt = 'posthog_personal_api_key';
  return `pbkdf2_sha256$${iterations}$${salt}$${pbkdf2Sync(value, salt, iterations, 32, 'sha256').toString('base64')}`;
}

/** Objects become a line of JSON; texts are lines as they are. */
export function linesOf(rows: readonly (PosthogRow | object | string)[]): string {
  return rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join('');
}

export function sourceOf(rows: readonly (PosthogRow | object | string)[]): Readable {
  return Readable.from([Buffer.from(linesOf(rows))]);
}
