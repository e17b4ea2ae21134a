/** What is checked of a stored event's fields. Nothing that passes may be more than the lookup can hold. */

/** As the contracts bound them: an entry of the lookup holds at most 64 KiB. */
const MAX_ID_LENGTH = 128;
const MAX_SCOPES = 256;
const MAX_SCOPE_LENGTH = 64;

const LONE_SURROGATE = /\p{Surrogate}/u;

const MODERN_HASH = /^sha256\$[0-9a-f]{64}$/;
const MODERN_LENGTH = 71;

/** Any salt and number of iterations. Longer than the 32 bytes that the lookup keeps of a modern hash, so no two meet. */
const LEGACY_HASH = /^pbkdf2_sha256\$[0-9]{1,10}\$[!-#%-~]+\$[!-#%-~]+$/;
const LEGACY_LENGTH = { least: 40, most: 128 };

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}

export function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

/** Of lone surrogates, UTF-8 would make the same id of two. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_ID_LENGTH && !LONE_SURROGATE.test(value);
}

export function areScopes(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= MAX_SCOPES && value.every(isScope);
}

function isScope(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_SCOPE_LENGTH && !LONE_SURROGATE.test(value);
}

export function isHash(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  if (value.length === MODERN_LENGTH && MODERN_HASH.test(value)) return true;
  return value.length >= LEGACY_LENGTH.least && value.length <= LEGACY_LENGTH.most && LEGACY_HASH.test(value);
}

const UTC_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** On the calendar: `Date.parse` takes a 30 February for 1 March, and 24:00 for the next day. */
export function isTime(value: unknown): value is string {
  if (typeof value !== 'string' || !UTC_TIME.test(value)) return false;
  const days = daysIn(Number(value.slice(0, 4)), twoDigits(value, 5));
  const day = twoDigits(value, 8);
  return day >= 1 && day <= days && twoDigits(value, 11) < 24 && twoDigits(value, 14) < 60 && twoDigits(value, 17) < 60;
}

/** None in a month that isn't one. */
function daysIn(year: number, month: number): number {
  const isLeapYear = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && isLeapYear ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0);
}

function twoDigits(text: string, at: number): number {
  return (text.charCodeAt(at) - ZERO) * 10 + text.charCodeAt(at + 1) - ZERO;
}

const ZERO = '0'.charCodeAt(0);
