import { describe, expect, it } from '@jest/globals';
import { type FastifyRequest } from 'fastify';
import { EMPTY } from 'rxjs';
import { Requests } from '#client/requests';
import { ValueVerifier } from '#client/value-verifier';
import { LegacyHasher } from '#credentials/legacy-hasher';
import { KeyCredentials } from './key-credentials.ts';

const requests = new Requests({ send: () => EMPTY });
const keys = new KeyCredentials(new ValueVerifier(requests, { keyPrefix: 'lkp', hasher: new LegacyHasher() }));
const asRequest = (authorization: string | undefined, body: unknown) =>
  ({ headers: { authorization }, body }) as FastifyRequest;

describe('a key in a body', () => {
  it.each([
    ['the credential', undefined, 'body'],
    ['beside one in the header, which counts', 'Bearer lkp_other', 'header'],
  ])('is taken out of it, whether it is %s', (_, authorization, where) => {
    const body = { label: 'CI', personal_api_key: 'lkp_x' };
    expect(keys.take(asRequest(authorization, body))?.where).toBe(where);
    expect(body).toEqual({ label: 'CI' });
  });

  it.each([undefined, null, 'personal_api_key', [], {}, 7])('is not there: %j', (body) => {
    expect(keys.take(asRequest(undefined, body))).toBeUndefined();
  });
});
