import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Requests } from '#client/requests';
import { DEFAULT_SCOPE_CATALOGUE } from '#contracts/scope-catalogue';
import { aCreation } from '#testing/command-service';
import { created } from '#testing/given-keys';
import { Services } from '#testing/services';
import { SuiteOfServices } from '#testing/suite-of-services';

/** PostHog's scopes, and which of them may be given to keys. */
const suite = new SuiteOfServices();

const aUser = (of = suite.services) => of.as(`user-${randomUUID()}`);

/** An event that the command service of today would not make. */
async function storeKey(of: Services, userId: string, scopes: string[], hash?: string): Promise<void> {
  const event = created({ userId, scopes, ...(hash !== undefined && { hash }) });
  await of.store.append(`userKeys-${userId}`, 'none', [
    { id: randomUUID(), type: event.type, data: { ...event.data }, metadata: { schemaVersion: 1 } },
  ]);
}

async function scopesLet(granted: string[], asked: string) {
  const user = aUser();
  const { body: key } = await user.create({ label: 'CI', scopes: granted });
  return user.verify(key.value!, { scopes: asked });
}

describe('a scope', () => {
  it.each([
    ['read', ['insight:read'], 'insight:read'],
    ['write', ['insight:write'], 'insight:write'],
    ['read by the one to write', ['insight:write'], 'insight:read'],
    ['everything by *', ['*'], 'insight:write,feature_flag:read'],
    ['everything by *, even what nobody has heard of', ['*'], 'invoice:write'],
    ['all that are asked for', ['insight:read', 'feature_flag:write'], 'feature_flag:read,insight:read'],
  ])('lets %s', async (_, granted, asked) => {
    expect(await scopesLet(granted, asked)).toMatchObject({ status: 200 });
  });

  it.each([
    ['write by the one to read', ['insight:read'], 'insight:write', 'insight:write'],
    ['another object', ['feature_flag:read'], 'activity_log:read', 'activity_log:read'],
    ['what nobody has heard of', ['insight:write'], 'invoice:read', 'invoice:read'],
    ['one of two', ['insight:read'], 'insight:read,feature_flag:write', 'feature_flag:write'],
    ['everything by one object', ['insight:write'], '*', '*'],
  ])('does not let %s', async (_, granted, asked, missing) => {
    expect(await scopesLet(granted, asked)).toMatchObject({
      status: 403,
      body: {
        type: 'authentication_error',
        code: 'permission_denied',
        detail: `API key missing required scope '${missing}'`,
        attr: null,
      },
    });
  });

  it('is lacking altogether on a key that was stored without any: it is good for nothing', async () => {
    const requests = new Requests(suite.services.client);
    const userId = `user-${randomUUID()}`;
    const { hash } = aCreation(userId);
    await storeKey(suite.services, userId, [], hash);
    const { position } = await suite.services.as(userId).change('key-1', { label: 'Empty' });
    expect(
      await requests.send('keys.verify', { hash, scopes: ['insight:read'], minPosition: position! }),
    ).toMatchObject({
      valid: false,
      code: 'INSUFFICIENT_SCOPE',
    });
    expect((await suite.services.as(userId).get('key-1')).body.scopes).toEqual([]);
  });

  it('is kept once, in the order that was sent', async () => {
    const scopes = ['insight:write', 'action:read', 'insight:write'];
    expect((await aUser().create({ label: 'CI', scopes })).body.scopes).toEqual(['insight:write', 'action:read']);
  });
});

describe('the scopes that may be given', () => {
  it('are PostHog’s public objects to read and to write, and everything', async () => {
    const user = aUser();
    const all = [...DEFAULT_SCOPE_CATALOGUE];
    expect(all).toEqual(expect.arrayContaining(['*', 'feature_flag:read', 'insight:write', 'query:read']));
    expect((await user.create({ label: 'All', scopes: all })).body.scopes).toEqual(all);
  });

  it.each(['invoice:read', 'insights:read', 'user_interview_internal:write', 'clickhouse_test_cluster_perf:read'])(
    'are no others: %s',
    async (scope) => {
      const user = aUser();
      const refused = {
        status: 400,
        body: { code: 'invalid_input', detail: `Invalid scope: ${scope}`, attr: 'scopes' },
      };
      expect(await user.create({ label: 'CI', scopes: ['insight:read', scope] })).toMatchObject(refused);
      const { body: key } = await user.create({ label: 'CI', scopes: ['insight:read'] });
      expect(await user.change(key.id, { label: 'Other', scopes: [scope] })).toMatchObject(refused);
      expect((await user.list()).body).toMatchObject([{ label: 'CI', scopes: ['insight:read'] }]);
    },
  );

  it('bind the services as well, which ask by command', async () => {
    const requests = new Requests(suite.services.client);
    const command = aCreation(`user-${randomUUID()}`);
    expect(await requests.command('keys.create', { ...command, scopes: ['invoice:read'] })).toEqual({
      ok: false,
      code: 'INVALID_SCOPE',
      message: 'Invalid scope: invoice:read',
      attr: 'scopes',
    });
    expect(await requests.command('keys.create', command)).toMatchObject({ ok: true });
    const { userId, keyId } = command;
    const change = { commandId: 'change', userId, keyId, scopes: ['insight:read', 'invoice:read'] };
    expect(await requests.command('keys.change', change)).toMatchObject({ ok: false, code: 'INVALID_SCOPE' });
  });
});

describe('a catalogue of one’s own', () => {
  let own: Services;
  beforeAll(async () => {
    own = await Services.start({ scopes: new Set(['invoice:read', 'invoice:write']) });
  });
  afterAll(() => own.close());

  it('is all that can be given: nothing is implied', async () => {
    const user = aUser(own);
    const { status, body: key } = await user.create({ label: 'CI', scopes: ['invoice:write'] });
    expect(status).toBe(201);
    expect((await user.verify(key.value!, { scopes: 'invoice:read' })).status).toBe(200);
    for (const scope of ['*', 'insight:read']) {
      expect(await user.create({ label: 'CI', scopes: [scope] })).toMatchObject({
        status: 400,
        body: { detail: `Invalid scope: ${scope}` },
      });
    }
  });

  it('leaves a key as it is that has a scope which is no longer given; it works, and can be renamed and rolled', async () => {
    const user = aUser(own);
    await storeKey(own, user.userId, ['insight:write', 'invoice:read']);
    expect(await user.change('key-1', { label: 'Renamed' })).toMatchObject({ status: 200, body: { label: 'Renamed' } });
    const { body: key } = await user.roll('key-1');
    expect(key.scopes).toEqual(['insight:write', 'invoice:read']);
    expect((await user.verify(key.value!, { scopes: 'insight:read' })).status).toBe(200);
    // A form sends all that it shows.
    const kept = { label: 'Again', scopes: key.scopes };
    expect(await user.change('key-1', kept)).toMatchObject({ status: 200, body: kept });
    const narrowed = { scopes: ['invoice:read'] };
    expect(await user.change('key-1', narrowed)).toMatchObject({ status: 200, body: narrowed });
    expect((await user.verify(key.value!, { scopes: 'insight:read' })).status).toBe(403);
    expect(await user.change('key-1', { scopes: key.scopes })).toMatchObject({ status: 400 });
  });
});

describe('a repeated command', () => {
  it('is answered as the first one was, though its scope is no longer given', async () => {
    const user = aUser();
    const command = aCreation(user.userId);
    const before = await new Requests(suite.services.client).command('keys.create', command);
    expect(before).toMatchObject({ ok: true });
    const later = await Services.start({
      scopes: new Set(['invoice:read']),
      eventStoreUrl: suite.services.eventStoreUrl,
    });
    try {
      const requests = new Requests(later.client);
      expect(await requests.command('keys.create', command)).toEqual(before);
      const another = aCreation(user.userId);
      expect(await requests.command('keys.create', another)).toMatchObject({ ok: false, code: 'INVALID_SCOPE' });
    } finally {
      await later.close();
    }
  });
});
