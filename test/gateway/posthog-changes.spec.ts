import { describe, expect, it } from '@jest/globals';
import { CI, KEYS, shown, SuiteOfServices } from '#testing/suite-of-services';

/** What PostHog's serializer makes of a change and of a roll. */
const suite = new SuiteOfServices();

describe('a PATCH', () => {
  it('changes what it names, answers 200, and leaves the rest as it is', async () => {
    const user = suite.aUser();
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
    const user = suite.aUser();
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
    const user = suite.aUser();
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
    const user = suite.aUser();
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
    const user = suite.aUser();
    const { body: key } = await user.create(CI);
    const { body: rolled } = await user.roll(key.id);
    expect((await user.verify(key.value!)).status).toBe(401);
    expect((await user.verify(rolled.value!, { scopes: CI.scopes.join(',') })).status).toBe(200);
  });

  it('takes an empty body as well as none', async () => {
    const user = suite.aUser();
    const { body: key } = await user.create(CI);
    expect((await user.send('POST', `${KEYS}/${key.id}/roll`, {})).status).toBe(200);
    expect((await user.send('POST', `${KEYS}/${key.id}/roll`)).status).toBe(200);
  });
});
