import { describe, expect, it } from '@jest/globals';
import { type FastifyRequest } from 'fastify';
import { assertLocal, assertNotCrossSite } from './browser-defence.ts';

function request(method: string, headers: Record<string, string>, remoteAddress = '127.0.0.1'): FastifyRequest {
  return { method, headers, raw: { headers, socket: { remoteAddress } } } as unknown as FastifyRequest;
}

describe('answering this machine only', () => {
  it.each(['localhost', 'localhost:8080', '127.0.0.1:8080', '[::1]:8080'])('answers to %s', (host) => {
    expect(() => assertLocal(request('GET', { host }))).not.toThrow();
  });

  it.each(['evil.example', 'localhost.evil.example:8080', '127.0.0.1.nip.io', '0.0.0.0:8080', '10.0.0.1', ''])(
    'does not answer to %s',
    (host) => expect(() => assertLocal(request('GET', { host }))).toThrow(expect.objectContaining({ status: 421 })),
  );

  it('does not answer without a Host, nor another machine', () => {
    expect(() => assertLocal(request('GET', {}))).toThrow(expect.objectContaining({ status: 421 }));
    const fromAfar = request('GET', { host: 'localhost' }, '192.168.1.10');
    expect(() => assertLocal(fromAfar)).toThrow(expect.objectContaining({ status: 421 }));
  });
});

describe('refusing what other origins send', () => {
  const host = 'localhost:8080';

  it.each([
    ['a client that is no browser', {}],
    ['our own page', { 'sec-fetch-site': 'same-origin', origin: 'http://localhost:8080' }],
    ['the address bar', { 'sec-fetch-site': 'none' }],
  ])('lets pass %s', (_, headers) => {
    expect(() => assertNotCrossSite(request('POST', { host, ...headers }))).not.toThrow();
  });

  it.each([
    ['a page of another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['a page on another port', { 'sec-fetch-site': 'same-site', origin: 'http://localhost:3000' }],
    ['an old browser on another port', { origin: 'http://localhost:3000' }],
    ['a sandboxed frame', { origin: 'null' }],
    ['a page that says nothing of its origin', { 'sec-fetch-site': 'cross-site' }],
  ])('stops %s', (_, headers) => {
    for (const method of ['POST', 'PATCH', 'DELETE']) {
      const attempt = () => assertNotCrossSite(request(method, { host, ...headers }));
      expect(attempt).toThrow(expect.objectContaining({ status: 403 }));
    }
    expect(() => assertNotCrossSite(request('GET', { host, ...headers }))).not.toThrow();
  });
});
