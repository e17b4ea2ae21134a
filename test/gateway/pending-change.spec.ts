import { afterEach, describe, expect, it } from '@jest/globals';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { of } from 'rxjs';
import { createGateway } from '#gateway/create-gateway';
import { basic, testSettings } from '#testing/gateway';

const KEYS = '/api/personal_api_keys/';
const CHANGES: readonly ['DELETE' | 'PATCH' | 'POST', path: string, payload?: object][] = [
  ['POST', KEYS, { label: 'CI', scopes: ['a:read'] }],
  ['PATCH', `${KEYS}k-1/`, { label: 'CI' }],
  ['POST', `${KEYS}k-1/roll/`],
  ['DELETE', `${KEYS}k-1/`],
  ['DELETE', '/api/users/@me/'],
];

const record = {
  keyId: 'k-1',
  userId: 'alice',
  label: 'CI',
  description: null,
  scopes: ['a:read'],
  mask: null,
  createdAt: '2026-03-01T12:00:00Z',
  lastRolledAt: null,
  legacy: false,
};

let app: NestFastifyApplication | undefined;
afterEach(() => app?.close());

/** Every kind of change at once, over services that carry it out and a lookup that gives this verdict on it. */
async function changeAll(code: 'NOT_FOUND' | 'STALE') {
  const warnings: string[] = [];
  const ignore = () => undefined;
  const done = { ok: true, record, position: '10', deletedKeys: ['k-1'] };
  const gateway = await createGateway({
    settings: testSettings(),
    client: { send: (topic) => of(topic === 'keys.verify' ? { valid: false, code, position: '9' } : done) },
    logger: { log: ignore, error: ignore, warn: (message: string) => warnings.push(message) },
  });
  app = gateway;
  const headers = { host: 'localhost', authorization: basic('alice') };
  const answers = await Promise.all(
    CHANGES.map(([method, url, payload]) => gateway.inject({ method, url, headers, ...(payload && { payload }) })),
  );
  return { answers, warnings };
}

describe('a change', () => {
  it('that the lookup does not have in time is a success all the same, and says so; the log tells it once', async () => {
    const { answers, warnings } = await changeAll('STALE');
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([201, 200, 200, 204, 204]);
    for (const { headers } of answers) {
      expect(headers).toMatchObject({ 'x-latchkey-pending': 'true', 'x-latchkey-position': '10' });
    }
    expect(warnings).toEqual([expect.stringContaining('at position 10')]);
    expect(warnings[0]).not.toMatch(/lkp_|alice|sha256/);
  });

  it('that the lookup has says nothing of it', async () => {
    const { answers, warnings } = await changeAll('NOT_FOUND');
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([201, 200, 200, 204, 204]);
    for (const { headers } of answers) expect(headers).not.toHaveProperty('x-latchkey-pending');
    expect(warnings).toEqual([]);
  });
});
