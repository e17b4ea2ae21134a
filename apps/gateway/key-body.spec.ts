import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { changeKeyRequest, createKeyRequest } from '#contracts/commands';
import { HttpProblem } from './http-problem.ts';
import { readChangedKey, readNewKey } from './key-body.ts';

const good = { label: 'CI', scopes: ['insight:read'] };
const ids = { commandId: 'c', userId: 'u', keyId: 'k' };

function problemOf(body: unknown, read: (body: unknown) => unknown = readNewKey) {
  try {
    read(body);
  } catch (error) {
    if (error instanceof HttpProblem) return { status: error.status, ...error.envelope };
    throw error;
  }
  return undefined;
}

describe('the body of a new key', () => {
  it('is read field by field; nothing else of it is taken along', () => {
    const body = { ...good, description: 'for CI', id: 'mine', value: 'mine', user_id: 7, created_at: 'never' };
    expect(readNewKey(body)).toEqual({ ...good, description: 'for CI' });
  });

  it('is trimmed as Django REST framework does, and an empty description is none', () => {
    expect(readNewKey({ ...good, label: '  CI \n', description: ' ' })).toEqual({ ...good, description: null });
  });

  it('may be a number where a text is asked for', () => {
    expect(readNewKey({ ...good, label: 7, description: 1.5 })).toEqual({ ...good, label: '7', description: '1.5' });
  });

  it('may say that the key is bound to no team and no organization', () => {
    expect(readNewKey({ ...good, scoped_teams: [], scoped_organizations: [] })).toEqual(good);
  });

  it('counts characters as people and PostHog do, not as UTF-16 does', () => {
    const body = { ...good, label: '🔑'.repeat(40), description: '🔑'.repeat(1000) };
    expect(readNewKey(body)).toEqual(body);
    expect(changeKeyRequest.parse({ ...ids, ...body })).toMatchObject(body);
  });

  it.each([
    ['no body', undefined, 'required', 'This field is required.', 'label'],
    ['no label', { scopes: ['*'] }, 'required', 'This field is required.', 'label'],
    ['a blank label', { ...good, label: ' ' }, 'blank', 'This field may not be blank.', 'label'],
    ['a null label', { ...good, label: null }, 'null', 'This field may not be null.', 'label'],
    ['true for a label', { ...good, label: true }, 'invalid', 'Not a valid string.', 'label'],
    ['a number for a label that may be another', { ...good, label: 2 ** 53 }, 'invalid', /string/, 'label'],
    ['41 characters', { ...good, label: 'x'.repeat(41) }, 'max_length', /no more than 40 characters/, 'label'],
    ['41 emoji', { ...good, label: '🔑'.repeat(41) }, 'max_length', /no more than 40 characters/, 'label'],
    ['NUL', { ...good, label: 'a\0b' }, 'null_characters_not_allowed', 'Null characters are not allowed.', 'label'],
    ['half a surrogate', { ...good, label: 'a\ud800' }, 'surrogate_characters_not_allowed', /Surrogate/, 'label'],
    ['CRLF in a label', { ...good, label: 'a\r\nb' }, 'invalid', 'Control characters are not allowed.', 'label'],
    ['no scopes', { label: 'CI' }, 'required', 'This field is required.', 'scopes'],
    ['empty scopes', { ...good, scopes: [] }, 'required', 'This field is required.', 'scopes'],
    ['null scopes', { ...good, scopes: null }, 'null', 'This field may not be null.', 'scopes'],
    ['a text for scopes', { ...good, scopes: '*' }, 'not_a_list', /but got type "str"\.$/, 'scopes'],
    ['an object for scopes', { ...good, scopes: {} }, 'not_a_list', /but got type "dict"\.$/, 'scopes'],
    ['a number in scopes', { ...good, scopes: [1] }, 'invalid', 'Not a valid string.', 'scopes'],
    ['an unknown scope', { ...good, scopes: ['a:admin'] }, 'invalid_input', 'Invalid scope: a:admin', 'scopes'],
    [
      'a team',
      { ...good, scoped_teams: [7] },
      'invalid_input',
      'Keys can not be scoped to teams here.',
      'scoped_teams',
    ],
    ['an organization', { ...good, scoped_organizations: ['x'] }, 'invalid_input', /here/, 'scoped_organizations'],
    ['null for teams', { ...good, scoped_teams: null }, 'null', 'This field may not be null.', 'scoped_teams'],
    ['a text for teams', { ...good, scoped_teams: '7' }, 'not_a_list', /type "str"/, 'scoped_teams'],
    ['257 scopes', { ...good, scopes: Array(257).fill('*') }, 'max_length', /no more than 256/, 'scopes'],
    ['1001 characters', { ...good, description: 'x'.repeat(1001) }, 'max_length', /1000/, 'description'],
    ['1001 emoji', { ...good, description: '🔑'.repeat(1001) }, 'max_length', /1000/, 'description'],
    ['an object for a description', { ...good, description: {} }, 'invalid', 'Not a valid string.', 'description'],
    ['a list', [], 'invalid', 'Invalid data. Expected a dictionary, but got list.', null],
    ['a text', 'x', 'invalid', 'Invalid data. Expected a dictionary, but got str.', null],
    ['null', null, 'invalid', 'Invalid data. Expected a dictionary, but got NoneType.', null],
  ])('is refused with %s', (_, body, code, detail, attr) => {
    expect(problemOf(body)).toEqual({
      status: 400,
      type: 'validation_error',
      code,
      attr,
      detail: typeof detail === 'string' ? detail : expect.stringMatching(detail),
    });
  });

  it('names an invalid scope in visible ASCII and no longer than a scope', () => {
    expect(problemOf({ ...good, scopes: [`<b>\r\n\0\ud800é${'x'.repeat(1_000)}`] })?.detail).toBe(
      `Invalid scope: <b>?????${'x'.repeat(56)}`,
    );
  });

  it('is either refused with 400 or what the contract accepts, whatever it is', () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.constantFrom('a:read', '*', '', '\ud800'));
    const field = fc.oneof(fc.anything(), text, fc.array(text));
    const bodies = fc.oneof(
      fc.anything(),
      fc.record({ label: field, scopes: field, description: field, scoped_teams: field }, { requiredKeys: [] }),
    );
    fc.assert(
      fc.property(bodies, (body) => {
        for (const [read, contract] of [
          [readNewKey, createKeyRequest.omit({ hash: true, mask: true })],
          [readChangedKey, changeKeyRequest],
        ] as const) {
          const problem = problemOf(body, read);
          if (problem === undefined) contract.parse({ ...ids, ...read(body) });
          else expect(problem.status).toBe(400);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the body of a change', () => {
  it('leaves out what stays as it is', () => {
    expect(readChangedKey(undefined)).toEqual({});
    expect(readChangedKey({ scopes: ['*'] })).toEqual({ scopes: ['*'] });
    expect(readChangedKey({ label: 'CI', description: null })).toEqual({ label: 'CI', description: null });
  });

  it('is judged by the same rules', () => {
    expect(problemOf({ label: '' }, readChangedKey)).toMatchObject({ code: 'blank', attr: 'label' });
    expect(problemOf({ scopes: [] }, readChangedKey)).toMatchObject({ code: 'required', attr: 'scopes' });
    expect(problemOf({ scoped_teams: [7] }, readChangedKey)).toMatchObject({ attr: 'scoped_teams' });
  });
});
