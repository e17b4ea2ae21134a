import { describe, expect, it } from '@jest/globals';
import { basic } from '#testing/gateway';
import { CI, SuiteOfServices } from '#testing/suite-of-services';

const suite = new SuiteOfServices();

describe('a change', () => {
  it('tells its position, and the next request sees it', async () => {
    const user = suite.aUser();
    const { body: key, position: first } = await user.create({ label: 'CI', scopes: ['insight:read'] });
    const { position: second } = await user.change(key.id, { scopes: ['insight:write'] });
    expect(BigInt(second!)).toBeGreaterThan(BigInt(first!));
    expect((await user.verify(key.value!, { scopes: 'insight:write' })).status).toBe(200);
    const { position: third } = await user.delete(key.id);
    expect(BigInt(third!)).toBeGreaterThan(BigInt(second!));
    expect((await user.verify(key.value!, { minPosition: third! })).status).toBe(401);
  });

  it('that was sent again with its Idempotency-Key happens once', async () => {
    const user = suite.aUser();
    const { body: key } = await user.create(CI);
    const send = async (method: string, path: string, idempotencyKey: string, body?: unknown) => {
      const response = await fetch(`${suite.services.url}/api/personal_api_keys/${path}`, {
        method,
        headers: {
          authorization: basic(user.userId),
          'idempotency-key': idempotencyKey,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const position = response.headers.get('x-latchkey-position');
      return { status: response.status, position, body: (text === '' ? null : JSON.parse(text)) as unknown };
    };
    const change = await send('PATCH', `${key.id}/`, 'rename', { label: 'once' });
    await user.change(key.id, { label: 'later' });
    expect(await send('PATCH', `${key.id}/`, 'rename', { label: 'once' })).toMatchObject({
      status: 200,
      body: change.body,
      position: change.position,
    });
    expect((await user.get(key.id)).body.label).toBe('later');
    expect((await send('PATCH', `${key.id}/`, 'rename', { label: 'other' })).status).toBe(409);
    expect((await send('POST', '', 'make', CI)).status).toBe(201);
    expect(await send('POST', '', 'make', CI)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect((await send('POST', '', 'not a key', CI)).status).toBe(400);
    expect((await user.list()).body).toHaveLength(2);
    const deletion = await send('DELETE', `${key.id}/`, 'remove');
    expect(await send('DELETE', `${key.id}/`, 'remove')).toMatchObject({ status: 204, position: deletion.position });
  });
});
