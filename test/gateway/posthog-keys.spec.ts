import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { LegacyHasher } from '#credentials/legacy-hasher';
import { Secret } from '#credentials/secret';
import { created } from '#testing/given-keys';
import { type ApiKey } from '#testing/keys-api';
import { CI, KEYS, shown, SuiteOfServices } from '#testing/suite-of-services';

/** PostHog's documentation of personal API keys, sentence by sentence: what those see who have them. */
const suite = new SuiteOfServices();

describe('a key', () => {
  it('is created with 201, and has PostHog’s fields and no other', async () => {
    const user = suite.aUser();
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
    const user = suite.aUser();
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
    const { body: key } = await suite.aUser().create(CI);
    expect(key.mask_value).toBe(`${key.value!.slice(0, 4)}...${key.value!.slice(-4)}`);
  });

  it('is answered by get and list alike, with 200', async () => {
    const user = suite.aUser();
    const { body: key } = await user.create(CI);
    expect(await user.get(key.id)).toMatchObject({ status: 200, body: shown(key) });
    expect(await user.list()).toMatchObject({ status: 200, body: [shown(key)] });
  });

  it('is found with and without the last slash of a path', async () => {
    const user = suite.aUser();
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
    const user = suite.aUser();
    const other = suite.aUser();
    for (const label of ['one', 'two', 'three']) {
      await user.create({ ...CI, label });
      await other.create({ ...CI, label: 'another’s' });
    }
    expect((await user.list()).body.map(({ label }) => label)).toEqual(['three', 'two', 'one']);
  });

  it('of another user is not found, whatever is wanted of it', async () => {
    const { body: key } = await suite.aUser().create(CI);
    const other = suite.aUser();
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
    const user = suite.services.as(`${name} ${randomUUID()}`.slice(0, 60));
    const { body: key } = await user.create(CI);
    expect(key.user_id).toBe(user.userId);
    const { headers } = await user.verify(key.value!);
    expect(decodeURIComponent(headers.get('x-latchkey-user') ?? '')).toBe(user.userId);
    expect((await user.list()).body).toHaveLength(1);
  });

  it('is one of ten at most, and there is room again after one is removed', async () => {
    const user = suite.aUser();
    const keys: ApiKey[] = [];
    for (let count = 0; count < 10; count += 1) keys.push((await user.create({ ...CI, label: count })).body);
    const detail = 'You can only have 10 personal API keys. Remove an existing key before creating a new one.';
    expect(await user.create(CI)).toMatchObject({
      status: 400,
      body: { type: 'validation_error', code: 'invalid_input', detail, attr: null },
    });
    expect((await user.delete(keys[4]!.id)).status).toBe(204);
    expect((await user.create(CI)).status).toBe(201);
  });

  it('is invalidated on its own', async () => {
    const user = suite.aUser();
    const [gone, left] = [await user.create(CI), await user.create(CI)];
    expect((await user.delete(gone.body.id)).status).toBe(204);
    expect((await user.verify(gone.body.value!)).status).toBe(401);
    expect((await user.verify(left.body.value!)).status).toBe(200);
    expect((await user.delete(gone.body.id)).status).toBe(404);
  });

  it('is deleted when its user is deleted', async () => {
    const user = suite.aUser();
    const keys = [await user.create(CI), await user.create(CI)];
    expect((await user.deleteUser()).status).toBe(204);
    for (const { body } of keys) expect((await user.verify(body.value!)).status).toBe(401);
    expect((await user.list()).body).toEqual([]);
    expect(await user.create(CI)).toMatchObject({ status: 403, body: { detail: 'User inactive or deleted.' } });
    expect((await user.deleteUser()).status).toBe(204);
  });
});

describe('a legacy key', () => {
  it('works, carries its mark, and loses it at a roll', async () => {
    const user = suite.aUser();
    const value = `phx_${randomUUID()}`;
    const parameterSet = 'pbkdf2_sha256$1$posthog_personal_api_key';
    const hashing = await new LegacyHasher({ allowTestIterations: true }).hash(new Secret(value), parameterSet);
    if (hashing.outcome !== 'hashed') throw new Error(hashing.outcome);
    const event = created({ userId: user.userId, hash: hashing.hash, mask: null });
    await suite.services.store.append(`userKeys-${user.userId}`, 'none', [
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
