import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { basic, startGateway } from '#testing/gateway';
import { sendRaw } from '#testing/raw-http';

/** With no service behind it: whatever is answered here, the gateway answers alone. */
let app: NestFastifyApplication;
let url: string;

beforeAll(async () => {
  app = await startGateway();
  url = await app.getUrl();
});
afterAll(() => app.close());

const person = { authorization: basic('alice') };
const json = { 'content-type': 'application/json' };
const KEYS = '/api/personal_api_keys/';

async function ask(path: string, init: RequestInit = {}) {
  const response = await fetch(`${url}${path}`, init);
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text === '' ? null : JSON.parse(text)) as unknown,
  };
}

describe('every answer', () => {
  it.each(['/nowhere', '/verify', KEYS, '/%zz'])('is not to be cached, sniffed or framed: %s', async (path) => {
    const { headers } = await ask(path);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('of an error is the envelope', async () => {
    expect(await ask('/nowhere')).toMatchObject({
      status: 404,
      body: { type: 'invalid_request', code: 'not_found', detail: 'Not found.', attr: null },
    });
  });
});

describe('without services', () => {
  it.each([
    ['GET', KEYS],
    ['GET', `${KEYS}some-key/`],
    ['DELETE', `${KEYS}some-key/`],
    ['POST', `${KEYS}some-key/roll/`],
    ['DELETE', '/api/users/@me/'],
  ])('%s %s answers 503 and when to come again', async (method, path) => {
    const { status, headers, body } = await ask(path, { method, headers: person });
    expect({ status, body }).toMatchObject({ status: 503, body: { type: 'server_error', code: 'unavailable' } });
    expect(headers.get('retry-after')).toBe('1');
  });

  it('a key that nobody can look up is not called invalid', async () => {
    const headers = { authorization: 'Bearer some-imported-key' };
    expect((await ask('/verify', { headers })).status).toBe(503);
    expect((await ask(`${KEYS}@current/`, { headers })).status).toBe(503);
  });
});

describe('methods', () => {
  it.each([
    ['PUT', KEYS, 'GET, HEAD, POST'],
    ['OPTIONS', KEYS, 'GET, HEAD, POST'],
    ['POST', `${KEYS}some-key`, 'DELETE, GET, HEAD, PATCH'],
    ['GET', `${KEYS}some-key/roll/`, 'POST'],
    ['GET', '/api/users/@me', 'DELETE'],
  ])('%s %s is not allowed, and it is said what is', async (method, path, allow) => {
    const { status, headers, body } = await ask(path, { method, headers: person });
    expect({ status, body }).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } });
    expect(headers.get('allow')).toBe(allow);
  });

  it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('/verify is asked with %s', async (method) => {
    expect((await ask('/verify', { method })).status).toBe(401);
  });

  const raw = (method: string, more = '') =>
    sendRaw(url, `${method} /verify HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`);

  it.each(['TRACE', 'SEARCH', 'PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE', 'LOCK', 'UNLOCK'])(
    '/verify is asked with %s',
    async (method) => {
      expect((await raw(method)).status).toBe(401);
    },
  );

  it('/verify is asked with QUERY, which must have a content type', async () => {
    expect((await raw('QUERY', 'Content-Type: application/json\r\n')).status).toBe(401);
    expect((await raw('QUERY')).status).toBe(400);
  });

  it('/verify is asked with nothing else', async () => {
    const allow =
      'COPY, DELETE, GET, HEAD, LOCK, MKCOL, MOVE, OPTIONS, PATCH, POST, PROPFIND, PROPPATCH, PUT, QUERY, SEARCH, TRACE, UNLOCK';
    for (const method of ['REPORT', 'PURGE', 'LINK', 'MERGE', 'SUBSCRIBE']) {
      const answer = await raw(method);
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow]);
    }
  });
});

describe('bodies', () => {
  const post = (headers: Record<string, string>, body: RequestInit['body']) =>
    ask(KEYS, { method: 'POST', headers: { ...person, ...headers }, body: body ?? null });

  it.each([
    ['no body at all', {}, null, 400],
    ['no body of an odd type', { 'content-type': 'multipart/form-data; boundary=x' }, '', 400],
    ['no body of no type', { 'content-type': 'garbage' }, '', 400],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'label=CI', 415],
    ['a text', { 'content-type': 'text/plain' }, '{"label":"CI","scopes":["*"]}', 415],
    ['a type that only begins like JSON', { 'content-type': 'application/jsonp' }, '{}', 415],
    ['an unreadable type', { 'content-type': 'garbage' }, '{}', 415],
    ['bad JSON', json, '{"label":', 400],
    ['__proto__', json, '{"__proto__":{"label":"CI"}}', 400],
    ['deep nesting', json, '['.repeat(10_000) + ']'.repeat(10_000), 400],
    ['more than 64 kB', json, `"${'x'.repeat(65_535)}"`, 413],
  ])('%s', async (_, headers, body, status) => {
    expect((await post(headers, body)).status).toBe(status);
  });

  it.each([
    ['no chunks', 'Transfer-Encoding: chunked', '0\r\n\r\n'],
    ['a length of 00', 'Content-Length: 00', ''],
    ['a length of 0', 'Content-Length: 0', ''],
  ])('that are empty may have any type: %s', async (_, framing, body) => {
    for (const type of ['garbage', ';;;', 'text/plain', 'application/json; garbage', 'application/json']) {
      const request = `POST /verify HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\n${framing}\r\n\r\n${body}`;
      expect([type, (await sendRaw(url, request)).status]).toEqual([type, 401]);
    }
  });

  it('may come with a GET, and hold the key', async () => {
    const body = JSON.stringify({ personal_api_key: 'lkp_no_such_thing' });
    const request = [
      `GET ${KEYS}@current/ HTTP/1.1`,
      'Host: localhost',
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n');
    const answer = await sendRaw(url, request);
    expect(answer.status).toBe(401);
    expect(JSON.parse(answer.body)).toMatchObject({ detail: 'Personal API key found in request body is invalid.' });
  });

  it('of 10 MB are answered before they are read, whether their length was told or not', async () => {
    const megabyte = Buffer.alloc(1_000_000, 0x20);
    const head = [`POST ${KEYS} HTTP/1.1`, 'Host: localhost', 'Content-Type: application/json'];
    const told = [...head, 'Content-Length: 10000000', '', ''].join('\r\n');
    expect((await sendRaw(url, told, ...Array<Buffer>(10).fill(megabyte))).status).toBe(413);
    const untold = [...head, 'Transfer-Encoding: chunked', '', ''].join('\r\n');
    const chunk = Buffer.concat([Buffer.from('f4240\r\n'), megabyte, Buffer.from('\r\n')]);
    expect((await sendRaw(url, untold, ...Array<Buffer>(10).fill(chunk), '0\r\n\r\n')).status).toBe(413);
  });
});

describe('what is not HTTP', () => {
  it.each([
    ['no HTTP at all', 'HELO mail.example\r\n\r\n', 400],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx', 400],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx',
      400,
    ],
    ['a bad chunk', 'POST /verify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n', 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['a bare line feed', 'GET / HTTP/1.1\nHost: localhost\n\n', 400],
    ['headers of 20 kB', `GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['an address of 20 kB', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431],
    ['a broken escape', 'GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    ['an id of 12 kB', `GET ${KEYS}${'x'.repeat(12_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 401],
    ['a method of nobody', 'FETCH / HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
  ])('%s', async (_, request, status) => {
    const answer = await sendRaw(url, Buffer.from(request, 'latin1'));
    expect(answer.status).toBe(status);
    expect(answer.statusLine).toMatch(/^HTTP\/1\.1 \d{3} /);
    expect(JSON.parse(answer.body)).toHaveProperty('detail');
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });
});

describe('what can be read in two ways', () => {
  const host = 'Host: localhost\r\n';
  it.each([
    ['a host in the request line', `GET http://evil.example/verify HTTP/1.1\r\n${host}\r\n`],
    ['the same host in the request line', `GET http://localhost/verify HTTP/1.1\r\n${host}\r\n`],
    ['two Hosts', `GET /verify HTTP/1.1\r\n${host}Host: evil.example\r\n\r\n`],
    ['two Hosts that are alike', `GET /verify HTTP/1.1\r\n${host}${host}\r\n`],
    ['no Host', `GET /verify HTTP/1.0\r\n\r\n`],
    [
      'two credentials',
      `GET /verify HTTP/1.1\r\n${host}Authorization: ${basic('alice')}\r\nAUTHORIZATION: Bearer lkp_x\r\n\r\n`,
    ],
    ['two Hosts and a broken escape', `GET /%ff HTTP/1.1\r\n${host}${host}\r\n`],
  ])('is refused: %s', async (_, request) => {
    const answer = await sendRaw(url, request);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ type: 'validation_error', code: 'parse_error', attr: null });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('odd HTTP', () => {
  const host = 'Host: localhost\r\n';
  it.each([
    `OPTIONS * HTTP/1.1\r\n${host}\r\n`,
    `GET * HTTP/1.1\r\n${host}\r\n`,
    `GET // HTTP/1.1\r\n${host}\r\n`,
    `GET //evil.example/%2e%2e HTTP/1.1\r\n${host}\r\n`,
    `GET http://[::1 HTTP/1.1\r\n${host}\r\n`,
    `GET http://localhost:99999999${KEYS} HTTP/1.1\r\n${host}\r\n`,
    `GET ${KEYS}?%ff=%ff&a=%zz HTTP/1.1\r\n${host}\r\n`,
    `GET /\\..\\ HTTP/1.1\r\n${host}\r\n`,
    `GET /caf\xe9 HTTP/1.1\r\n${host}\r\n`,
    `GET ${KEYS};a=b HTTP/1.1\r\n${host}\r\n`,
    `TRACE ${KEYS} HTTP/1.1\r\n${host}\r\n`,
    `QUERY ${KEYS} HTTP/1.1\r\n${host}\r\n`,
    `PROPFIND ${KEYS} HTTP/1.1\r\n${host}\r\n`,
    `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    `GET / HTTP/1.0\r\n\r\n`,
    `GET / HTTP/3.7\r\n${host}\r\n`,
    `GET / HTTP/1.1\r\n${host}Host: evil.example\r\n\r\n`,
    `GET / HTTP/1.1\r\n${host}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    `POST ${KEYS} HTTP/1.1\r\n${host}Expect: a miracle\r\nContent-Length: 0\r\n\r\n`,
    `POST ${KEYS} HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\n`,
    `POST ${KEYS} HTTP/1.1\r\n${host}Content-Length: 99999999999999999999\r\n\r\n`,
    `POST ${KEYS} HTTP/1.1\r\n${host}Transfer-Encoding: gzip\r\n\r\n`,
    `POST ${KEYS} HTTP/1.1\r\n${host}Content-Encoding: gzip\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
  ])('%j is refused, and no fault', async (request) => {
    const { status } = await sendRaw(url, Buffer.from(request, 'latin1'));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  });

  it('answers two requests in one packet in order', async () => {
    const first = `GET /verify HTTP/1.1\r\n${host}\r\n`;
    expect((await sendRaw(url, `${first}GET /nowhere HTTP/1.1\r\n${host}\r\n`)).status).toBe(401);
  });
});

describe('another Host than this machine', () => {
  it.each(['/', '/verify', KEYS, '/api/users/@me/', '/livez', '/%ff', '/%zz'])(
    'is not answered on %s',
    async (path) => {
      for (const host of ['evil.example', '127.0.0.1.nip.io', '10.0.0.1:8080']) {
        const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${person.authorization}\r\n\r\n`;
        expect((await sendRaw(url, request)).status).toBe(421);
      }
    },
  );

  it('is not covered by an address in the request line', async () => {
    const request = 'GET http://localhost/verify HTTP/1.1\r\nHost: evil.example\r\n\r\n';
    expect((await sendRaw(url, request)).status).toBe(400);
  });
});

describe('credentials', () => {
  it.each([
    ['no credentials', {}, 401, 'not_authenticated'],
    ['a wrong token', { authorization: basic('alice', 'wrong') }, 401, 'authentication_failed'],
    ['a malformed key', { authorization: 'Bearer lkp_nothing' }, 401, 'authentication_failed'],
  ])('%s', async (_, headers, status, code) => {
    const answer = await ask(KEYS, { headers });
    expect(answer).toMatchObject({ status, body: { type: 'authentication_error', code, attr: null } });
    expect(answer.headers.get('www-authenticate')).toMatch(/^(Basic|Bearer) realm="Latchkey"/);
  });

  it('are not good from a page of another origin, for what changes something', async () => {
    const headers = { ...person, origin: 'https://evil.example' };
    for (const [method, path] of [
      ['POST', KEYS],
      ['POST', `${KEYS}some-key/roll/`],
      ['PATCH', `${KEYS}some-key/`],
      ['DELETE', `${KEYS}some-key/`],
      ['DELETE', '/api/users/@me/'],
    ] as const) {
      expect((await ask(path, { method, headers })).status).toBe(403);
    }
  });
});
