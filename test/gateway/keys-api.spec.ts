import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { sha256Hash } from '#credentials/hash';
import { LegacyHasher } from '#credentials/legacy-hasher';
import { Secret } from '#credentials/secret';
import { basic } from '#testing/gateway';
import { created } from '#testing/given-keys';
import { Services } from '#testing/services';

let services: Services;

beforeAll(async () => {
  services = await Services.start();
});
afterAll(() => services.close());

const CI = { label: 'CI', scopes: ['insight:read', 'feature_flag:write'] };
const aUser = () => services.as(`user-${randomUUID()}`);
const invalid = (place: string) => `Personal API key found in request ${place} is invalid.`;

describe('a key as its owner sees it', () => {
  it('shows its value at creation and at a roll, and never again', async () => {
    const user = aUser();
    const { status, body: key } = await user.create({ ...CI, description: 'for CI' });
    expect(status).toBe(201);
    expect(key).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      label: 'CI',
      description: 'for CI',
      value: expect.stringMatching(/^lkp_[0-9A-Za-z]{49}$/) as unknown,
      mask_value: `lkp_...${key.value!.slice(-4)}`,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
      last_used_at: null,
      last_rolled_at: null,
      user_id: user.userId,
      is_legacy_hashing: false,
      scopes: CI.scopes,
    });
    const shown = { ...key, value: null };
    expect((await user.get(key.id)).body).toEqual(shown);
    expect((await user.list()).body).toEqual([shown]);
    const { status: rolledStatus, body: rolled } = await user.roll(key.id);
    expect(rolledStatus).toBe(200);
    expect(rolled.value).not.toBe(key.value);
    expect(rolled).toEqual({
      ...key,
      value: rolled.value,
      mask_value: `lkp_...${rolled.value!.slice(-4)}`,
      last_rolled_at: expect.any(String) as unknown,
    });
    expect((await user.get(key.id)).body).toEqual({ ...rolled, value: null });
  });

  it('is listed newest first', async () => {
    const user = aUser();
    for (const label of ['one', 'two', 'three']) await user.create({ ...CI, label });
    expect((await user.list()).body.map(({ label }) => label)).toEqual(['three', 'two', 'one']);
  });

  it('changes by what is given, and stays as it is otherwise', async () => {
    const user = aUser();
    const { body: key } = await user.create({ ...CI, description: 'for CI' });
    const shown = { ...key, value: null };
    const changed = await user.change(key.id, { label: ' Nightly ', description: '', created_at: 'x', user_id: 'y' });
    expect(changed.status).toBe(200);
    expect(changed.body).toEqual({ ...shown, label: 'Nightly', description: null });
    expect((await user.change(key.id, {})).body).toEqual(changed.body);
    expect((await user.get(key.id)).body).toEqual(changed.body);
  });

  it('is nobody else’s', async () => {
    const { body: key } = await aUser().create(CI);
    const other = aUser();
    for (const answer of [
      await other.get(key.id),
      await other.change(key.id, { label: 'mine' }),
      await other.roll(key.id),
      await other.delete(key.id),
    ]) {
      expect(answer).toMatchObject({ status: 404, body: { type: 'invalid_request', code: 'not_found' } });
    }
    expect((await other.list()).body).toEqual([]);
  });

  it('is one of ten at most', async () => {
    const user = aUser();
    for (let count = 0; count < 10; count += 1) expect((await user.create(CI)).status).toBe(201);
    expect(await user.create(CI)).toMatchObject({
      status: 400,
      body: {
        type: 'validation_error',
        code: 'invalid_input',
        detail: 'You can only have 10 personal API keys. Remove an existing key before creating a new one.',
        attr: null,
      },
    });
  });

  it.each(['Ælfgifu ☂', 'a/b?c#d', '../../x', '$all'])('belongs to a user of any name: %s', async (name) => {
    const user = services.as(`${name} ${randomUUID()}`.slice(0, 60));
    const { body: key } = await user.create(CI);
    expect(key.user_id).toBe(user.userId);
    const { headers } = await user.verify(key.value!);
    expect(decodeURIComponent(headers.get('x-latchkey-user') ?? '')).toBe(user.userId);
    expect((await user.list()).body).toHaveLength(1);
  });
});

describe('a key as a credential', () => {
  it('reads itself, and manages nothing', async () => {
    const user = aUser();
    const { body: key } = await user.create(CI);
    const { body: other } = await user.create(CI);
    const bearer = `Bearer ${key.value!}`;
    const shown = { ...key, value: null };
    expect((await user.current(key.value!)).body).toEqual(shown);
    expect((await user.send('GET', `/api/personal_api_keys/${key.id}`, undefined, bearer)).body).toEqual(shown);
    for (const [method, path] of [
      ['GET', ''],
      ['POST', ''],
      ['GET', `${other.id}/`],
      ['PATCH', `${key.id}/`],
      ['DELETE', `${key.id}/`],
      ['POST', `${key.id}/roll/`],
    ] as const) {
      expect(await user.send(method, `/api/personal_api_keys/${path}`, undefined, bearer)).toMatchObject({
        status: 403,
        body: { code: 'permission_denied', detail: 'This action does not support personal API key access' },
      });
    }
    expect((await user.send('DELETE', '/api/users/@me/', undefined, bearer)).status).toBe(403);
    expect((await user.list()).body).toHaveLength(2);
  });

  it('may stand in the body; a sign-in beside it does not count', async () => {
    const user = aUser();
    const { body: key } = await user.create(CI);
    const inBody = { personal_api_key: key.value };
    expect((await user.send('POST', '/verify', inBody)).status).toBe(200);
    expect((await user.create({ ...CI, ...inBody })).status).toBe(403);
    expect((await user.list()).body).toHaveLength(1);
  });

  it('counts only where it is found first', async () => {
    const user = aUser();
    const { body: key } = await user.create(CI);
    const wrong = `Bearer ${key.value!.slice(0, -1)}`;
    expect(await user.send('POST', '/verify', { personal_api_key: key.value }, wrong)).toMatchObject({
      status: 401,
      body: { code: 'authentication_failed', detail: invalid('Authorization header') },
    });
    expect((await user.send('POST', '/verify', { personal_api_key: 'x' }, `Bearer ${key.value!}`)).status).toBe(200);
    for (const bad of ['nobody-knows-it', '', 7, null, { value: key.value }, [key.value]]) {
      expect(await user.send('POST', '/verify', { personal_api_key: bad }, 'Digest x')).toMatchObject({
        status: 401,
        body: { detail: invalid('body') },
      });
    }
  });

  it('is not its hash', async () => {
    const user = aUser();
    const { body: key } = await user.create(CI);
    expect((await user.verify(sha256Hash(new Secret(key.value!)))).status).toBe(401);
  });

  it('is not found once it was rolled or deleted, nor any key of a deleted user', async () => {
    const user = aUser();
    const [rolled, deleted, left] = [await user.create(CI), await user.create(CI), await user.create(CI)];
    const { body: fresh } = await user.roll(rolled.body.id);
    expect((await user.verify(rolled.body.value!)).status).toBe(401);
    expect((await user.verify(fresh.value!)).status).toBe(200);
    expect((await user.delete(deleted.body.id)).status).toBe(204);
    expect((await user.verify(deleted.body.value!)).status).toBe(401);
    expect((await user.deleteUser()).status).toBe(204);
    for (const value of [fresh.value!, left.body.value!]) expect((await user.verify(value)).status).toBe(401);
    expect(await user.create(CI)).toMatchObject({ status: 403, body: { detail: 'User inactive or deleted.' } });
    expect((await user.deleteUser()).status).toBe(204);
  });
});

describe('/verify', () => {
  it('tells a proxy whose key it is, and what for', async () => {
    const user = aUser();
    const { body: key, position } = await user.create(CI);
    const answer = await user.verify(key.value!, { scopes: 'feature_flag:read,insight:read', minPosition: position! });
    expect(answer).toMatchObject({
      status: 200,
      body: { user_id: user.userId, key_id: key.id, scopes: CI.scopes },
    });
    expect(answer.headers.get('x-latchkey-user')).toBe(user.userId);
    expect(answer.headers.get('x-latchkey-key-id')).toBe(key.id);
    expect(answer.headers.get('x-latchkey-scopes')).toBe('insight:read,feature_flag:write');
    expect(BigInt(answer.position!)).toBeGreaterThanOrEqual(BigInt(position!));
  });

  it('names the first scope that is missing', async () => {
    const user = aUser();
    const { body: key } = await user.create({ label: 'CI', scopes: ['insight:read'] });
    expect(await user.verify(key.value!, { scopes: 'insight:read,feature_flag:write' })).toMatchObject({
      status: 403,
      body: { code: 'permission_denied', detail: "API key missing required scope 'feature_flag:write'" },
    });
  });

  it('is no verdict before the position asked for', async () => {
    const user = aUser();
    const { body: key } = await user.create(CI);
    const answer = await user.verify(key.value!, { minPosition: '9000000000000000000' });
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(answer.headers.get('retry-after')).toBe('1');
  });

  it('lets nobody in by a question that is misspelt, and refuses a bad key whatever is asked', async () => {
    const user = aUser();
    const { body: key } = await user.create({ label: 'CI', scopes: ['insight:read'] });
    for (const query of ['scope=a:write', 'scopes=', 'scopes=a:read&scopes=b:read', 'scopes=admin', 'minPosition=-1']) {
      expect((await user.send('GET', `/verify?${query}`, undefined, `Bearer ${key.value!}`)).status).toBe(400);
      expect((await user.send('GET', `/verify?${query}`, undefined, 'Bearer unknown')).status).toBe(401);
    }
  });
});

describe('a change', () => {
  it('tells its position, and the next request sees it', async () => {
    const user = aUser();
    const { body: key, position: first } = await user.create({ label: 'CI', scopes: ['insight:read'] });
    const { position: second } = await user.change(key.id, { scopes: ['insight:write'] });
    expect(BigInt(second!)).toBeGreaterThan(BigInt(first!));
    expect((await user.verify(key.value!, { scopes: 'insight:write' })).status).toBe(200);
    const { position: third } = await user.delete(key.id);
    expect(BigInt(third!)).toBeGreaterThan(BigInt(second!));
    expect((await user.verify(key.value!, { minPosition: third! })).status).toBe(401);
  });

  it('that was sent again with its Idempotency-Key happens once', async () => {
    const user = aUser();
    const { body: key } = await user.create(CI);
    const send = async (method: string, path: string, idempotencyKey: string, body?: unknown) => {
      const response = await fetch(`${services.url}/api/personal_api_keys/${path}`, {
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

describe('a legacy key', () => {
  it('works, carries its mark, and loses it at a roll', async () => {
    const user = aUser();
    const value = `phx_${randomUUID()}`;
    const parameterSet = 'pbkdf2_sha256$1$posthog_personal_api_key';
    const hashing = await new LegacyHasher({ allowTestIterations: true }).hash(new Secret(value), parameterSet);
    if (hashing.outcome !== 'hashed') throw new Error(hashing.outcome);
    const event = created({ userId: user.userId, hash: hashing.hash, mask: null });
    await services.store.append(`userKeys-${user.userId}`, 'none', [
      { id: randomUUID(), type: event.type, data: { ...event.data }, metadata: { schemaVersion: 1 } },
    ]);
    const { position } = await user.change('key-1', { label: 'From 2023' });
    expect((await user.verify(value, { minPosition: position! })).status).toBe(200);
    expect((await user.current(value)).body).toMatchObject({ is_legacy_hashing: true, mask_value: null });
    expect((await user.verify(hashing.hash)).status).toBe(401);
    const { body: rolled } = await user.roll('key-1');
    expect(rolled).toMatchObject({ is_legacy_hashing: false, label: 'From 2023' });
    expect((await user.verify(value)).status).toBe(401);
    expect((await user.verify(rolled.value!)).status).toBe(200);
  });
});
