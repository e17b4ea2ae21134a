import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { LegacyHasher } from '#credentials/legacy-hasher';
import { Secret } from '#credentials/secret';
import { created } from '#testing/given-keys';
import { type ApiKey, type KeysApi } from '#testing/keys-api';
import { Services } from '#testing/services';

/** PostHog's documentation and serializers of personal API keys, sentence by sentence: what those see who manage them. */
let services: Services;

beforeAll(async () => {
  services = await Services.start();
});
afterAll(() => services.close());

const CI = { label: 'CI', scopes: ['insight:read', 'feature_flag:write'] };
const KEYS = '/api/personal_api_keys';
const aUser = () => services.as(`user-${randomUUID()}`);
const shown = (key: ApiKey) => ({ ...key, value: null });

/** That a create with this body is refused, and how. */
async function expectInvalid(user: KeysApi, body: object, code: string, detail: string, attr: string | null) {
  const envelope = { type: 'validation_error', code, detail, attr };
  expect(await user.create(body)).toMatchObject({ status: 400, body: envelope });
}

describe('a key', () => {
  it('is created with 201, and has PostHog’s fields and no other', async () => {
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
      scoped_teams: [],
      scoped_organizations: [],
    });
  });

  it('shows its value at creation and at a roll, and never again', async () => {
    const user = aUser();
    const { body: key } = await user.create(CI);
    expect(key.value).toMatch(/^lkp_/);
    expect((await user.get(key.id)).body.value).toBeNull();
    expect((await user.list()).body.map(({ value }) => value)).toEqual([null]);
    expect((await user.change(key.id, { label: 'Other' })).body.value).toBeNull();
    expect((await user.current(key.value!)).body.value).toBeNull();
    const { body: rolled } = await user.roll(key.id);
    expect(rolled.value).toMatch(/^lkp_/);
    expect((await user.get(key.id)).body.value).toBeNull();
  });

  it('masks its value as its first four characters, three dots, and its last four', async () => {
    const { body: key } = await aUser().create(CI);
    expect(key.mask_value).toBe(`${key.value!.slice(0, 4)}...${key.value!.slice(-4)}`);
  });

  it('is answered by get and list alike, with 200', async () => {
    const user = aUser();
    const { body: key } = await user.create(CI);
    expect(await user.get(key.id)).toMatchObject({ status: 200, body: shown(key) });
    expect(await user.list()).toMatchObject({ status: 200, body: [shown(key)] });
  });

  it('is found with and without the last slash of a path', async () => {
    const user = aUser();
    expect((await user.send<ApiKey>('POST', KEYS, CI)).status).toBe(201);
    const { body: key } = await user.send<ApiKey>('POST', `${KEYS}/`, CI);
    for (const slash of ['', '/']) {
      expect(await user.send('GET', `${KEYS}${slash}`)).toMatchObject({ status: 200 });
      expect((await user.send('GET', `${KEYS}/${key.id}${slash}`)).status).toBe(200);
      expect((await user.send('PATCH', `${KEYS}/${key.id}${slash}`, {})).status).toBe(200);
      expect((await user.send('POST', `${KEYS}/${key.id}/roll${slash}`)).status).toBe(200);
    }
    expect((await user.send('DELETE', `${KEYS}/${key.id}`)).status).toBe(204);
    expect((await user.list()).body).toHaveLength(1);
  });

  it('is listed newest first, as the own keys alone', async () => {
    const user = aUser();
    const other = aUser();
    for (const label of ['one', 'two', 'three']) {
      await user.create({ ...CI, label });
      await other.create({ ...CI, label: 'another’s' });
    }
    expect((await user.list()).body.map(({ label }) => label)).toEqual(['three', 'two', 'one']);
  });

  it('of another user is not found, whatever is wanted of it', async () => {
    const { body: key } = await aUser().create(CI);
    const other = aUser();
    for (const answer of [
      await other.get(key.id),
      await other.change(key.id, { label: 'mine' }),
      await other.change(key.id, { label: '' }),
      await other.change(key.id, { scopes: ['nobody_knows_it:read'] }),
      await other.roll(key.id),
      await other.delete(key.id),
    ]) {
      expect(answer).toMatchObject({
        status: 404,
        body: { type: 'invalid_request', code: 'not_found', detail: 'Not found.', attr: null },
      });
    }
  });

  it.each(['Ælfgifu ☂', 'a/b?c#d', '../../x', '$all'])('belongs to a user of any name: %s', async (name) => {
    const user = services.as(`${name} ${randomUUID()}`.slice(0, 60));
    const { body: key } = await user.create(CI);
    expect(key.user_id).toBe(user.userId);
    const { headers } = await user.verify(key.value!);
    expect(decodeURIComponent(headers.get('x-latchkey-user') ?? '')).toBe(user.userId);
    expect((await user.list()).body).toHaveLength(1);
  });

  it('is one of ten at most, and there is room again after one is removed', async () => {
    const user = aUser();
    const keys: ApiKey[] = [];
    for (let count = 0; count < 10; count += 1) keys.push((await user.create({ ...CI, label: count })).body);
    const detail = 'You can only have 10 personal API keys. Remove an existing key before creating a new one.';
    await expectInvalid(user, CI, 'invalid_input', detail, null);
    expect((await user.delete(keys[4]!.id)).status).toBe(204);
    expect((await user.create(CI)).status).toBe(201);
  });

  it('is invalidated on its own', async () => {
    const user = aUser();
    const [gone, left] = [await user.create(CI), await user.create(CI)];
    expect((await user.delete(gone.body.id)).status).toBe(204);
    expect((await user.verify(gone.body.value!)).status).toBe(401);
    expect((await user.verify(left.body.value!)).status).toBe(200);
    expect((await user.delete(gone.body.id)).status).toBe(404);
  });

  it('is deleted when its user is deleted', async () => {
    const user = aUser();
    const keys = [await user.create(CI), await user.create(CI)];
    expect((await user.deleteUser()).status).toBe(204);
    for (const { body } of keys) expect((await user.verify(body.value!)).status).toBe(401);
    expect((await user.list()).body).toEqual([]);
    expect(await user.create(CI)).toMatchObject({ status: 403, body: { detail: 'User inactive or deleted.' } });
    expect((await user.deleteUser()).status).toBe(204);
  });
});

describe('a PATCH', () => {
  it('changes what it names, answers 200, and leaves the rest as it is', async () => {
    const user = aUser();
    const { body: key } = await user.create({ ...CI, description: 'for CI' });
    const { status, body } = await user.change(key.id, { label: 'test-update', scopes: ['insight:write'] });
    expect(status).toBe(200);
    expect(body).toEqual({ ...shown(key), label: 'test-update', scopes: ['insight:write'] });
    expect((await user.change(key.id, { description: 'Other' })).body).toEqual({ ...body, description: 'Other' });
    expect((await user.change(key.id, {})).body).toEqual({ ...body, description: 'Other' });
    expect((await user.get(key.id)).body).toEqual({ ...body, description: 'Other' });
    expect((await user.verify(key.value!, { scopes: 'insight:write' })).status).toBe(200);
    expect((await user.verify(key.value!, { scopes: 'feature_flag:read' })).status).toBe(403);
  });

  it('changes nothing that is not for people to write', async () => {
    const user = aUser();
    const { body: key } = await user.create(CI);
    const untouchable = {
      id: 'mine',
      value: 'lkp_mine',
      mask_value: 'mine...mine',
      secure_value: 'sha256$0',
      created_at: '2000-01-01T00:00:00Z',
      last_used_at: '2000-01-01T00:00:00Z',
      last_rolled_at: '2000-01-01T00:00:00Z',
      user_id: 'mallory',
      user: 'mallory',
      is_legacy_hashing: true,
      constructor: 'x',
    };
    expect(await user.change(key.id, untouchable)).toMatchObject({ status: 200, body: shown(key) });
    expect((await user.get(key.id)).body).toEqual(shown(key));
  });

  it('is refused like a create where a field is wrong', async () => {
    const user = aUser();
    const { body: key } = await user.create(CI);
    for (const [change, code, attr] of [
      [{ label: '' }, 'blank', 'label'],
      [{ label: null }, 'null', 'label'],
      [{ label: 'x'.repeat(41) }, 'max_length', 'label'],
      [{ scopes: [] }, 'required', 'scopes'],
      [{ scopes: ['insight:admin'] }, 'invalid_input', 'scopes'],
      [{ scopes: ['nobody_knows_it:read'] }, 'invalid_input', 'scopes'],
      [{ label: 'Other', description: 'x'.repeat(1001) }, 'max_length', 'description'],
      [{ scoped_teams: [1] }, 'invalid_input', 'scoped_teams'],
    ] as const) {
      expect(await user.change(key.id, change)).toMatchObject({
        status: 400,
        body: { type: 'validation_error', code, attr },
      });
    }
    expect((await user.get(key.id)).body).toEqual(shown(key));
  });
});

describe('a roll', () => {
  it('changes value, mask and last_rolled_at, and nothing else', async () => {
    const user = aUser();
    const { body: key } = await user.create({ ...CI, description: 'for CI' });
    const { status, body: rolled } = await user.roll(key.id);
    expect(status).toBe(200);
    expect(rolled).toEqual({
      ...key,
      value: expect.stringMatching(/^lkp_[0-9A-Za-z]{49}$/) as unknown,
      mask_value: `lkp_...${rolled.value!.slice(-4)}`,
      last_rolled_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
    });
    expect(rolled.value).not.toBe(key.value);
    expect((await user.get(key.id)).body).toEqual(shown(rolled));
  });

  it('invalidates the old value at once, and the new one works at once', async () => {
    const user = aUser();
    const { body: key } = await user.create(CI);
    const { body: rolled } = await user.roll(key.id);
    expect((await user.verify(key.value!)).status).toBe(401);
    expect((await user.verify(rolled.value!, { scopes: CI.scopes.join(',') })).status).toBe(200);
  });

  it('takes an empty body as well as none', async () => {
    const user = aUser();
    const { body: key } = await user.create(CI);
    expect((await user.send('POST', `${KEYS}/${key.id}/roll`, {})).status).toBe(200);
    expect((await user.send('POST', `${KEYS}/${key.id}/roll`)).status).toBe(200);
  });
});

describe('a description', () => {
  it('has up to 1000 characters, and the empty one is null', async () => {
    const user = aUser();
    const { body: key } = await user.create({ ...CI, description: '' });
    expect(key.description).toBeNull();
    expect((await user.create(CI)).body.description).toBeNull();
    const longest = `${'x'.repeat(998)}\n🔑`;
    expect((await user.change(key.id, { description: longest })).body.description).toBe(longest);
    expect((await user.change(key.id, { description: null })).body.description).toBeNull();
    await expectInvalid(
      user,
      { ...CI, description: 'x'.repeat(1001) },
      'max_length',
      'Ensure this field has no more than 1000 characters.',
      'description',
    );
  });
});

describe('a create', () => {
  it.each([
    ['a blank label', { label: '' }, 'blank', 'This field may not be blank.', 'label'],
    ['a label of blanks', { ...CI, label: ' ' }, 'blank', 'This field may not be blank.', 'label'],
    ['no label', { scopes: CI.scopes }, 'required', 'This field is required.', 'label'],
    [
      'a label of 41 characters',
      { ...CI, label: 'x'.repeat(41) },
      'max_length',
      'Ensure this field has no more than 40 characters.',
      'label',
    ],
    ['no scopes', { label: 'test' }, 'required', 'This field is required.', 'scopes'],
    ['empty scopes', { label: 'test', scopes: [] }, 'required', 'This field is required.', 'scopes'],
    [
      'a scope of no shape',
      { label: 'test', scopes: ['invalid'] },
      'invalid_input',
      'Invalid scope: invalid',
      'scopes',
    ],
    [
      'a scope of another action',
      { label: 'test', scopes: ['insight:invalid'] },
      'invalid_input',
      'Invalid scope: insight:invalid',
      'scopes',
    ],
    [
      'an internal scope',
      { label: 'test', scopes: ['insight:read', 'clickhouse_test_cluster_perf:read'] },
      'invalid_input',
      'Invalid scope: clickhouse_test_cluster_perf:read',
      'scopes',
    ],
    [
      'a team to be confined to',
      { ...CI, scoped_teams: [7] },
      'invalid_input',
      'Keys can not be scoped to teams here.',
      'scoped_teams',
    ],
    [
      'an organization to be confined to',
      { ...CI, scoped_organizations: ['0190a9b0-0000-7000-8000-000000000000'] },
      'invalid_input',
      'Keys can not be scoped to organizations here.',
      'scoped_organizations',
    ],
  ])('is refused with %s, and makes no key', async (_, body, code, detail, attr) => {
    const user = aUser();
    await expectInvalid(user, body, code, detail, attr);
    expect((await user.list()).body).toEqual([]);
  });

  it('may say that there are no teams and organizations to be confined to', async () => {
    const { status, body } = await aUser().create({ ...CI, scoped_teams: [], scoped_organizations: [] });
    expect({ status, body }).toMatchObject({ status: 201, body: { scoped_teams: [], scoped_organizations: [] } });
  });

  it('trims the label, takes a number for one, and ignores fields that it does not know', async () => {
    const user = aUser();
    const { body: key } = await user.create({ ...CI, label: ' CI \n', team: 7, secure_value: 'mine', id: 'mine' });
    expect(key.label).toBe('CI');
    expect(key.id).not.toBe('mine');
    expect((await user.create({ ...CI, label: 7 })).body.label).toBe('7');
    const read = await services.store.readStream(`userKeys-${user.userId}`);
    if (read.outcome !== 'found') throw new Error(read.outcome);
    expect(Object.keys(read.events[0]!.data as object).sort()).toEqual(
      ['at', 'description', 'hash', 'keyId', 'label', 'mask', 'scopes', 'userId'].sort(),
    );
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
    expect((await user.list()).body).toMatchObject([{ is_legacy_hashing: true, mask_value: null }]);
    expect((await user.verify(hashing.hash)).status).toBe(401);
    const { body: rolled } = await user.roll('key-1');
    expect(rolled).toMatchObject({ is_legacy_hashing: false, label: 'From 2023' });
    expect((await user.verify(value)).status).toBe(401);
    expect((await user.verify(rolled.value!)).status).toBe(200);
  });
});
