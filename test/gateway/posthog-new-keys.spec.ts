import { describe, expect, it } from '@jest/globals';
import { type KeysApi } from '#testing/keys-api';
import { CI, SuiteOfServices } from '#testing/suite-of-services';

/** What PostHog's serializer makes of the fields of a new key, in its words. */
const suite = new SuiteOfServices();

/** That a create with this body is refused, and how. */
async function expectInvalid(user: KeysApi, body: object, code: string, detail: string, attr: string | null) {
  const envelope = { type: 'validation_error', code, detail, attr };
  expect(await user.create(body)).toMatchObject({ status: 400, body: envelope });
}

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
    const user = suite.aUser();
    await expectInvalid(user, body, code, detail, attr);
    expect((await user.list()).body).toEqual([]);
  });

  it('may say that there are no teams and organizations to be confined to', async () => {
    const { status, body } = await suite.aUser().create({ ...CI, scoped_teams: [], scoped_organizations: [] });
    expect({ status, body }).toMatchObject({ status: 201, body: { scoped_teams: [], scoped_organizations: [] } });
  });

  it('trims the label, takes a number for one, and ignores fields that it does not know', async () => {
    const user = suite.aUser();
    const { body: key } = await user.create({ ...CI, label: ' CI \n', team: 7, secure_value: 'mine', id: 'mine' });
    expect(key.label).toBe('CI');
    expect(key.id).not.toBe('mine');
    expect((await user.create({ ...CI, label: 7 })).body.label).toBe('7');
    const read = await suite.services.store.readStream(`userKeys-${user.userId}`);
    if (read.outcome !== 'found') throw new Error(read.outcome);
    expect(Object.keys(read.events[0]!.data as object).sort()).toEqual(
      ['at', 'description', 'hash', 'keyId', 'label', 'mask', 'scopes', 'userId'].sort(),
    );
  });
});

describe('a description', () => {
  it('has up to 1000 characters, and the empty one is null', async () => {
    const user = suite.aUser();
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
