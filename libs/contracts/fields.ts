import { z } from 'zod';
import { VERIFIABLE_HASH } from './hash-formats.ts';

const MAX_USER_ID_LENGTH = 128;
export const MAX_LABEL_LENGTH = 40;
export const MAX_DESCRIPTION_LENGTH = 1000;
export const MAX_SCOPES = 256;
export const MAX_SCOPE_LENGTH = 64;

/** Lone surrogates cannot be stored as UTF-8: two different strings would become one. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** What no terminal, log or stream name should have to carry. */
const CONTROL = /[\p{Cc}\u2028\u2029]/u;
const CONTROL_BUT_LINES = /[^\P{Cc}\t\n\r]/u;

/** In code points, as Django and PostHog count: an emoji may be one character. */
export function isLongerThan(text: string, max: number): boolean {
  return text.length > max && (text.length > 2 * max || Array.from(text).length > max);
}

function line() {
  return z
    .string()
    .refine(isWellFormed, 'must be well-formed Unicode')
    .refine((text) => !CONTROL.test(text), 'must not contain control characters');
}

/** The stream's name is made of it, so it is compared byte by byte: no trimming, no normalisation. */
export const userIdSchema = line().min(1).max(MAX_USER_ID_LENGTH);

/** Unique within its user's stream for ever; made by the caller. */
export const keyIdSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 characters of A-Z a-z 0-9 _ -');

/** One per intent, kept over retries: the same id and payload are answered as the first time. */
export const commandIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'must be 1 to 128 characters of A-Z a-z 0-9 . _ : -');

export const labelSchema = line()
  .refine((text) => !isLongerThan(text, MAX_LABEL_LENGTH), `must be at most ${MAX_LABEL_LENGTH} characters`)
  .refine((text) => text.trim() !== '', 'must not be blank');

/** Null and the empty text both mean "none". */
export const descriptionSchema = z
  .string()
  .refine((text) => !isLongerThan(text, MAX_DESCRIPTION_LENGTH), `must be at most ${MAX_DESCRIPTION_LENGTH} characters`)
  .refine(isWellFormed, 'must be well-formed Unicode')
  .refine((text) => !CONTROL_BUT_LINES.test(text), 'must not contain control characters')
  .nullable();

/** `object:read`, `object:write` (which implies read) or `*`. */
const SCOPE = /^(?:\*|[a-z][a-z0-9_]*:(?:read|write))$/;
export const scopeSchema = z.string().max(MAX_SCOPE_LENGTH).regex(SCOPE, 'must be object:read, object:write or *');

/** A set: order and repetition carry no meaning. */
export const scopesSchema = z.array(scopeSchema).min(1).max(MAX_SCOPES);

/** Commands carry modern hashes only; legacy ones come in by import, known by their parameter sets. */
export const modernHashSchema = z
  .string()
  .regex(/^sha256\$[0-9a-f]{64}$/, 'must be sha256$ and 64 lower-case hex digits');

export const verifiableHashSchema = z.string().max(128).regex(VERIFIABLE_HASH, 'must be a known hash format');

/** First four characters, three dots, last four: all that is kept of a value for people to recognise it by. */
export const maskSchema = z.string().regex(/^[\x21-\x7e]{4}\.\.\.[\x21-\x7e]{4}$/, 'must be a mask like lkp_...wXyZ');
