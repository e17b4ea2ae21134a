import { describe, expect, it } from '@jest/globals';
import { CI, SuiteOfServices } from '#testing/suite-of-services';

const suite = new SuiteOfServices();

describe('/verify', () => {
  it('tells a proxy whose key it is, and what for', async () => {
    const user = suite.aUser();
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
    const user = suite.aUser();
    const { body: key } = await user.create({ label: 'CI', scopes: ['insight:read'] });
    expect(await user.verify(key.value!, { scopes: 'insight:read,feature_flag:write' })).toMatchObject({
      status: 403,
      body: { code: 'permission_denied', detail: "API key missing required scope 'feature_flag:write'" },
    });
  });

  it('is no verdict before the position asked for', async () => {
    const user = suite.aUser();
    const { body: key } = await user.create(CI);
    const answer = await user.verify(key.value!, { minPosition: '9000000000000000000' });
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(answer.headers.get('retry-after')).toBe('1');
  });

  it('lets nobody in by a question that is misspelt, and refuses a bad key whatever is asked', async () => {
    const user = suite.aUser();
    const { body: key } = await user.create({ label: 'CI', scopes: ['insight:read'] });
    for (const query of ['scope=a:write', 'scopes=', 'scopes=a:read&scopes=b:read', 'scopes=admin', 'minPosition=-1']) {
      expect((await user.send('GET', `/verify?${query}`, undefined, `Bearer ${key.value!}`)).status).toBe(400);
      expect((await user.send('GET', `/verify?${query}`, undefined, 'Bearer unknown')).status).toBe(401);
    }
  });
});
