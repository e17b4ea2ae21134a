import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { basic } from '#testing/gateway';
import { sendRaw } from '#testing/raw-http';
import { Services } from '#testing/services';
import { BAD_BODIES, BAD_FIELDS, BAD_IDS, BAD_KEYS } from './corpus.ts';

const userId = `user-${randomUUID()}`;
const KEYS = '/api/personal_api_keys/';
let services: Services;
let keyId: string;
let value: string;
let before: bigint | undefined;

beforeAll(async () => {
  services = await Services.start();
  const { body } = await services.as(userId).create({ label: 'CI', scopes: ['insight:read'] });
  keyId = body.id;
  value = body.value!;
});
afterAll(() => services.close());

beforeEach(async () => {
  before = await services.head();
});
/** Given only what is refused, nothing was written; and the service goes on. */
afterEach(async () => {
  expect(await services.head()).toBe(before);
  expect((await services.as(userId).verify(value)).status).toBe(200);
});

/** A text for an `it.each`, under a name of a readable length. */
function named(text: string): [name: string, text: string] {
  return [text.length > 50 ? `${text.slice(0, 10)}… (${text.length} characters)` : text, text];
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
}

/** 4xx with an envelope that holds nothing of a secret kind; never 5xx, never 2xx. */
async function expectRefused({ method, path, headers = {}, body }: Sent): Promise<void> {
  const lines = Object.entries({ host: 'localhost', authorization: basic(userId), ...headers });
  const length = body === undefined ? [] : [['content-length', String(Buffer.byteLength(body))] as const];
  const head = [
    `${method} ${path} HTTP/1.1`,
    ...[...lines, ...length].map(([name, text]) => `${name}: ${text}`),
    '',
    '',
  ];
  const answer = await sendRaw(services.url, head.join('\r\n'), body ?? '');
  const seen = `${method} ${path.slice(0, 80)} → ${answer.status} ${answer.body}`;
  if (answer.status < 400 || answer.status > 499) throw new Error(seen);
  if (method === 'HEAD') return;
  expect(Object.keys(JSON.parse(answer.body) as object)).toEqual(['type', 'code', 'detail', 'attr']);
  expect(answer.body).not.toContain(value);
}

const routes = (): readonly Sent[] => [
  { method: 'GET', path: KEYS },
  { method: 'POST', path: KEYS },
  { method: 'GET', path: `${KEYS}@current/` },
  { method: 'GET', path: `${KEYS}${keyId}/` },
  { method: 'PATCH', path: `${KEYS}${keyId}/` },
  { method: 'DELETE', path: `${KEYS}${keyId}/` },
  { method: 'POST', path: `${KEYS}${keyId}/roll/` },
  { method: 'DELETE', path: '/api/users/@me/' },
  { method: 'GET', path: '/verify' },
  { method: 'POST', path: '/verify?scopes=insight:read' },
];

describe('every route', () => {
  it.each(BAD_BODIES)('refuses $name', async ({ contentType, bytes }) => {
    for (const route of routes()) {
      await expectRefused({ ...route, headers: { 'content-type': contentType }, body: bytes });
    }
  });

  it('refuses a body of 10 MB', async () => {
    const body = Buffer.alloc(10_000_000, 0x20);
    for (const route of routes()) {
      await expectRefused({ ...route, headers: { 'content-type': 'application/json' }, body });
    }
  });

  it('refuses huge headers, and many', async () => {
    const many = Object.fromEntries(Array.from({ length: 3_000 }, (_, number) => [`x-${number}`, 'x'.repeat(8)]));
    for (const route of routes()) {
      await expectRefused({ ...route, headers: { 'x-huge': 'x'.repeat(100_000) } });
      await expectRefused({ ...route, headers: many });
    }
  });

  it.each(BAD_KEYS.map(named))('refuses %s for a key', async (_, key) => {
    for (const route of routes()) {
      await expectRefused({ ...route, headers: { authorization: `Bearer ${Buffer.from(key).toString('latin1')}` } });
      const body = JSON.stringify({ label: 'CI', scopes: ['insight:read'], personal_api_key: key });
      await expectRefused({ ...route, headers: { 'content-type': 'application/json' }, body });
    }
  });

  it('refuses what is no text for a key', async () => {
    for (const key of [null, 0, true, [], {}, [value], { value }, '', 'a\0b', 'a\ud800']) {
      const body = JSON.stringify({ label: 'CI', scopes: ['insight:read'], personal_api_key: key });
      for (const route of routes()) {
        await expectRefused({ ...route, headers: { 'content-type': 'application/json' }, body });
      }
    }
  });

  it('refuses every other sign-in', async () => {
    const credentials = [
      '',
      'Basic',
      'Basic ====',
      `Basic ${basic(userId)}`,
      basic(userId, 'wrong'),
      basic('', undefined),
      basic('a\0b'),
      basic('x'.repeat(129)),
      'Negotiate YII=',
      'Bearer',
    ];
    for (const authorization of credentials) {
      for (const route of routes()) await expectRefused({ ...route, headers: { authorization } });
    }
  });
});

describe('fields', () => {
  it.each(BAD_FIELDS.map((fields) => [JSON.stringify(fields).slice(0, 100), fields] as const))(
    '%s',
    async (_, fields) => {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify(fields);
      await expectRefused({ method: 'POST', path: KEYS, headers, body });
      await expectRefused({ method: 'PATCH', path: `${KEYS}${keyId}/`, headers, body });
    },
  );

  it.each(['[]', '"x"', 'null', '7', 'true', '[{"label":"CI","scopes":["*"]}]'])('a body that is %s', async (body) => {
    const headers = { 'content-type': 'application/json' };
    await expectRefused({ method: 'POST', path: KEYS, headers, body });
    await expectRefused({ method: 'PATCH', path: `${KEYS}${keyId}/`, headers, body });
  });
});

describe('ids and questions', () => {
  it.each(BAD_IDS.map(named))('no key has the id %s', async (_, id) => {
    for (const [method, path] of [
      ['GET', `${KEYS}${id}/`],
      ['PATCH', `${KEYS}${id}/`],
      ['DELETE', `${KEYS}${id}/`],
      ['POST', `${KEYS}${id}/roll/`],
    ] as const) {
      await expectRefused({ method, path });
    }
  });

  it.each([
    'scopes',
    'scopes=%00',
    'scopes[]=a:read',
    'scopes=__proto__',
    '__proto__[x]=y',
    'minPosition=1e9',
    '%zz',
    '&&=&',
  ])('a good key is no answer to ?%s', async (query) => {
    await expectRefused({ method: 'GET', path: `/verify?${query}`, headers: { authorization: `Bearer ${value}` } });
  });

  it('an Idempotency-Key is what it must be', async () => {
    for (const idempotencyKey of [' ', 'a b', 'x'.repeat(101), '"quoted"', 'é']) {
      await expectRefused({
        method: 'DELETE',
        path: `${KEYS}${keyId}/`,
        headers: { 'idempotency-key': idempotencyKey },
      });
    }
  });
});
