import { describe, expect, it } from '@jest/globals';
import { sha256Hash } from '#credentials/hash';
import { Secret } from '#credentials/secret';
import { sendRaw } from '#testing/raw-http';
import { KEYS, SuiteOfServices } from '#testing/suite-of-services';

/** PostHog's PersonalAPIKeyAuthentication: how a key is found in a request, and what it may then do. */
const suite = new SuiteOfServices();

const CI = { label: 'CI', scopes: ['*'] };
const invalid = (place: string) => ({
  status: 401,
  body: {
    type: 'authentication_error',
    code: 'authentication_failed',
    detail: `Personal API key found in request ${place} is invalid.`,
    attr: null,
  },
});
const missing = {
  status: 401,
  body: {
    type: 'authentication_error',
    code: 'not_authenticated',
    detail: 'Authentication credentials were not provided.',
    attr: null,
  },
};
const noKeyAccess = {
  status: 403,
  body: {
    type: 'authentication_error',
    code: 'permission_denied',
    detail: 'This action does not support personal API key access',
    attr: null,
  },
};

async function aKey() {
  const user = suite.aUser();
  const { body } = await user.create(CI);
  return { user, id: body.id, value: body.value!, shown: { ...body, value: null } };
}

/** Without a sign-in: `authorization` as it is, none where it is undefined. */
async function ask(method: string, path: string, authorization?: string, body?: object) {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: localhost',
    ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
  ];
  const text = body === undefined ? '' : JSON.stringify(body);
  const type = body === undefined ? [] : ['Content-Type: application/json', `Content-Length: ${text.length}`];
  const answer = await sendRaw(suite.services.url, [...lines, ...type, '', text].join('\r\n'));
  return { status: answer.status, body: JSON.parse(answer.body) as unknown };
}

describe('a key in the Authorization header', () => {
  it.each(['Bearer KEY', 'Bearer  KEY  ', 'Bearer\tKEY\t', 'Bearer \t KEY'])('is found in %j', async (header) => {
    const { value } = await aKey();
    expect((await ask('GET', '/verify', header.replace('KEY', value))).status).toBe(200);
  });

  it.each(['bearer KEY', 'BEARER KEY', 'BearerKEY', 'Token KEY', 'KEY', 'Basic KEY', 'Bearer', 'Bearer x', 'Bearer '])(
    'is not found in %j, and the body is looked at',
    async (header) => {
      const { value } = await aKey();
      const authorization = header.replace('KEY', value);
      expect(await ask('POST', '/verify', authorization)).toMatchObject(missing);
      expect((await ask('POST', '/verify', authorization, { personal_api_key: value })).status).toBe(200);
    },
  );

  it.each(['Bearer xx', 'Bearer lkp_nobody_knows_it', 'Bearer KEY KEY', 'Bearer KEYx', 'Bearer Bearer KEY'])(
    'is invalid: %j',
    async (header) => {
      const { value } = await aKey();
      expect(await ask('GET', '/verify', header.replaceAll('KEY', value))).toEqual(invalid('Authorization header'));
    },
  );
});

describe('a key in the body', () => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'GET'])('is found in that of a %s', async (method) => {
    const { value } = await aKey();
    expect((await ask(method, '/verify', undefined, { personal_api_key: value, more: 1 })).status).toBe(200);
  });

  it.each(['nobody-knows-it', '', ' ', 7, null, true, {}, []])('is invalid: %j', async (key) => {
    expect(await ask('POST', '/verify', undefined, { personal_api_key: key })).toEqual(invalid('body'));
    expect(await ask('POST', KEYS, undefined, { ...CI, personal_api_key: key })).toEqual(invalid('body'));
  });

  it('is taken as it is: nothing is stripped, and it is not looked for deeper', async () => {
    const { value } = await aKey();
    expect(await ask('POST', '/verify', undefined, { personal_api_key: ` ${value}` })).toEqual(invalid('body'));
    expect(await ask('POST', '/verify', undefined, { personal_api_key: [value] })).toEqual(invalid('body'));
    expect(await ask('POST', '/verify', undefined, { data: { personal_api_key: value } })).toEqual(missing);
    expect(await ask('POST', '/verify', undefined, [{ personal_api_key: value }])).toEqual(missing);
  });

  it('is the credential even beside a sign-in, and may then manage nothing', async () => {
    const { user, value } = await aKey();
    expect(await user.create({ ...CI, personal_api_key: value })).toMatchObject(noKeyAccess);
    expect(await user.create({ ...CI, personal_api_key: 'unknown' })).toMatchObject(invalid('body'));
    expect((await user.list()).body).toHaveLength(1);
  });
});

describe('only the first key that is found counts', () => {
  it('so that a bad header is not rescued by a good body', async () => {
    const { value } = await aKey();
    const wrong = `Bearer ${value.slice(0, -1)}`;
    for (const [method, path] of [
      ['POST', '/verify'],
      ['GET', `${KEYS}/@current`],
      ['POST', KEYS],
    ] as const) {
      expect(await ask(method, path, wrong, { ...CI, personal_api_key: value })).toEqual(
        invalid('Authorization header'),
      );
    }
  });

  it('so that a good header is not spoilt by a bad body', async () => {
    const { value } = await aKey();
    expect((await ask('POST', '/verify', `Bearer ${value}`, { personal_api_key: 'unknown' })).status).toBe(200);
  });

  it('and a key of another user in the body lends nothing', async () => {
    const [one, other] = [await aKey(), await aKey()];
    const answer = await ask('GET', `${KEYS}/@current`, `Bearer ${one.value}`, { personal_api_key: other.value });
    expect(answer).toMatchObject({ status: 200, body: { id: one.id, user_id: one.user.userId } });
  });
});

describe('a request without a key', () => {
  it('lacks credentials, whatever stands in its address', async () => {
    const { value } = await aKey();
    for (const [method, path] of [
      ['GET', '/verify'],
      ['GET', KEYS],
      ['POST', KEYS],
      ['GET', `${KEYS}/@current`],
      ['DELETE', '/api/users/@me'],
      ['GET', `${KEYS}?personal_api_key=${value}`],
    ] as const) {
      expect(await ask(method, path)).toEqual(missing);
    }
  });
});

describe('what is not the value of a key', () => {
  it('is no key: its hash, its mask, its id, a part of it, the value of before a roll', async () => {
    const { user, id, value, shown } = await aKey();
    const hash = sha256Hash(new Secret(value));
    for (const text of [
      hash,
      hash.slice('sha256$'.length),
      shown.mask_value!,
      id,
      value.slice(4),
      value.slice(0, -1),
    ]) {
      expect(await ask('GET', '/verify', `Bearer ${text}`)).toEqual(invalid('Authorization header'));
      expect(await ask('GET', `${KEYS}/${id}`, `Bearer ${text}`)).toEqual(invalid('Authorization header'));
      expect(await ask('POST', '/verify', undefined, { personal_api_key: text })).toEqual(invalid('body'));
    }
    await user.roll(id);
    expect(await ask('GET', '/verify', `Bearer ${value}`)).toEqual(invalid('Authorization header'));
  });
});

describe('a key as the credential', () => {
  it('reads itself, as @current and by its id', async () => {
    const { id, value, shown } = await aKey();
    for (const path of ['@current', '@current/', id, `${id}/`]) {
      expect(await ask('GET', `${KEYS}/${path}`, `Bearer ${value}`)).toEqual({
        status: 200,
        body: { ...shown, last_used_at: expect.any(String) as unknown },
      });
    }
  });

  it('reads itself whatever its scopes are', async () => {
    const user = suite.aUser();
    const { body: key } = await user.create({ label: 'CI', scopes: ['insight:read'] });
    expect((await user.current(key.value!)).body.id).toBe(key.id);
  });

  it('reads no other key, and neither lists, creates, changes, rolls nor deletes any, not even itself', async () => {
    const { user, id, value } = await aKey();
    const [own, foreign] = [(await user.create(CI)).body.id, (await aKey()).id];
    const before = (await user.list()).body.map(({ last_used_at: _, ...key }) => key);
    for (const [method, path, body] of [
      ['GET', KEYS],
      ['GET', `${KEYS}/${own}`],
      ['GET', `${KEYS}/${foreign}`],
      ['GET', `${KEYS}/nobody-knows-it`],
      ['POST', KEYS, CI],
      ['POST', KEYS, { label: '' }],
      ['PATCH', `${KEYS}/${id}`, { scopes: ['*'] }],
      ['PATCH', `${KEYS}/@current`, { label: 'Other' }],
      ['DELETE', `${KEYS}/${id}`],
      ['DELETE', `${KEYS}/${foreign}`],
      ['POST', `${KEYS}/${id}/roll`],
      ['POST', `${KEYS}/@current/roll`],
      ['DELETE', '/api/users/@me'],
    ] as const) {
      expect([method, path, await ask(method, path, `Bearer ${value}`, body)]).toEqual([method, path, noKeyAccess]);
    }
    expect((await user.list()).body.map(({ last_used_at: _, ...key }) => key)).toEqual(before);
  });

  it('is nothing that a person has: @current of a sign-in is not found', async () => {
    const { user } = await aKey();
    expect(await user.get('@current')).toMatchObject({ status: 404 });
  });
});
