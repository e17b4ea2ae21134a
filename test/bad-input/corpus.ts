/** Bytes that are no good as the body of any request of ours, and the type they are sent as. */
export interface BadBody {
  readonly name: string;
  readonly contentType: string;
  readonly bytes: string | Uint8Array;
}

const JSON_TYPE = 'application/json';

export const BAD_BODIES: readonly BadBody[] = [
  { name: 'bad JSON', contentType: JSON_TYPE, bytes: '{"label":"CI","scopes":["*"]' },
  { name: 'two JSON texts', contentType: JSON_TYPE, bytes: '{}{}' },
  { name: 'bytes that are no UTF-8', contentType: JSON_TYPE, bytes: Buffer.from('{"label":"\xff\xfe"}', 'latin1') },
  { name: 'UTF-16', contentType: JSON_TYPE, bytes: Buffer.from('{"label":"CI"}', 'utf16le') },
  { name: '__proto__', contentType: JSON_TYPE, bytes: '{"__proto__":{"label":"CI","scopes":["*"]}}' },
  { name: 'constructor', contentType: JSON_TYPE, bytes: '{"constructor":{"prototype":{"label":"CI"}}}' },
  { name: 'deep lists', contentType: JSON_TYPE, bytes: '['.repeat(30_000) + ']'.repeat(30_000) },
  { name: 'deep objects', contentType: JSON_TYPE, bytes: '{"a":'.repeat(8_000) + '1' + '}'.repeat(8_000) },
  { name: 'more than 64 kB', contentType: JSON_TYPE, bytes: JSON.stringify({ label: 'x'.repeat(70_000) }) },
  { name: 'a form', contentType: 'application/x-www-form-urlencoded', bytes: 'label=CI&scopes=*' },
  { name: 'JSON as text', contentType: 'text/plain', bytes: '{"label":"CI","scopes":["*"]}' },
  {
    name: 'XML',
    contentType: 'application/xml',
    bytes: '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
  },
  { name: 'an unreadable type', contentType: ';;;', bytes: '{}' },
];

/** JSON that no field of a key may be, whatever the field. Small numbers pass for texts, as they do with PostHog. */
const NO_TEXTS: readonly unknown[] = [1e308, true, false, [], [[]], {}, { toString: 'x' }, ['a', 'b']];

const BAD_LABELS: readonly unknown[] = [
  null,
  '',
  ' \t\n',
  'a\0b',
  'a\r\nSet-Cookie: x=1',
  '\u001b[31mred',
  'a\ud800',
  '\udc00b',
  'line\u2028separator',
  'x'.repeat(41),
  '🔑'.repeat(41),
  'x'.repeat(60_000),
  ...NO_TEXTS,
];
const BAD_SCOPES: readonly unknown[] = [
  null,
  '*',
  {},
  { length: 1, 0: '*' },
  [],
  [null],
  [['insight:read']],
  ['insight:admin'],
  ['nobody_knows_it:read'],
  ['insight:read', 'nobody_knows_it:write'],
  ['INSIGHT:read'],
  ['insight:read\n'],
  ['insight:read\0'],
  ['insight:read\u200b'],
  ['__proto__:read'],
  ['\ud800:read'],
  [`${'x'.repeat(80)}:read`],
  Array(257).fill('insight:read'),
  7,
];
const BAD_DESCRIPTIONS: readonly unknown[] = [
  'a\0b',
  'a\ud800',
  '\u001b[31mred',
  'x'.repeat(1_001),
  '🔑'.repeat(1_001),
  ...NO_TEXTS,
];

const BAD_BOUNDS: readonly Record<string, unknown>[] = [
  { scoped_teams: [1] },
  { scoped_teams: null },
  { scoped_teams: {} },
  { scoped_teams: [[]] },
  { scoped_organizations: ['0190a9b0-0000-7000-8000-000000000000'] },
  { scoped_organizations: null },
  { scoped_organizations: '' },
];

/** Bodies that are wrong in one field. */
export const BAD_FIELDS: readonly Record<string, unknown>[] = [
  ...BAD_LABELS.map((label) => ({ label, scopes: ['insight:read'] })),
  ...BAD_SCOPES.map((scopes) => ({ label: 'CI', scopes })),
  ...BAD_BOUNDS.map((bounds) => ({ label: 'CI', scopes: ['insight:read'], ...bounds })),
  ...BAD_DESCRIPTIONS.map((description) => ({ label: 'CI', scopes: ['insight:read'], description })),
];

/** For the place of an id in a path; percent-encoded as far as a URL needs it. */
export const BAD_IDS: readonly string[] = [
  '..%2f..%2fetc%2fpasswd',
  '%00',
  '%0d%0aSet-Cookie:%20x=1',
  '%ed%a0%80',
  '%E2%80%8B',
  '__proto__',
  'constructor',
  '@current',
  '@me',
  '$all',
  'a'.repeat(65),
  'a'.repeat(10_000),
  "'%20OR%201=1",
  '%F0%9F%94%91',
];

/** Values that are no key of anybody's. */
export const BAD_KEYS: readonly string[] = [
  'x',
  'lkp_',
  `lkp_${'0'.repeat(49)}`,
  `lkp_${'z'.repeat(49)}`,
  'x'.repeat(128),
  'x'.repeat(129),
  'x'.repeat(10_000),
  'null',
  'undefined',
  '__proto__',
  'Bearer',
  `sha256$${'0'.repeat(64)}`,
  'pbkdf2_sha256$1000000000$posthog_personal_api_key$AAAA',
  "' OR '1'='1",
  'ключ',
  'lkp_\u200b',
  '%00',
  'a b',
];
