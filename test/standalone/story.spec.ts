import { aFolder } from '#testing/folders';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KeysApi } from '#testing/keys-api';
import { StandaloneProcess } from '#testing/standalone-process';

/** One service over the whole file; each test is a chapter and goes on from the one before. */
describe('the whole story of a key, over HTTP', () => {
  const dataDir = aFolder('story');
  let service: StandaloneProcess;
  let ada: KeysApi;
  const seen = { id: '', first: '', rolled: '' };

  beforeAll(async () => {
    service = await StandaloneProcess.start(dataDir);
    ada = new KeysApi(service.url, 'ada', service.token);
  });
  afterAll(() => service.kill('SIGKILL'));

  it('creates a key, whose value is shown once and works at once', async () => {
    const created = await ada.create({ label: 'Deploys', scopes: ['feature_flag:read'] });
    expect(created.status).toBe(201);
    expect(created.body.value).toMatch(/^lkp_[0-9A-Za-z]{49}$/);
    expect(created.position).toMatch(/^\d+$/);
    seen.id = created.body.id;
    seen.first = created.body.value!;

    const used = await ada.verify(seen.first, { scopes: 'feature_flag:read' });
    expect(used.status).toBe(200);
    expect(used.headers.get('x-latchkey-user')).toBe('ada');
    const [listed] = (await ada.list()).body;
    expect(listed).toMatchObject({ id: seen.id, label: 'Deploys', value: null, user_id: 'ada' });
    expect(listed!.mask_value).toBe(`lkp_...${seen.first.slice(-4)}`);
  });

  it('refuses what the key has no scope for, and shows the key itself', async () => {
    const denied = await ada.verify(seen.first, { scopes: 'feature_flag:write' });
    expect(denied.status).toBe(403);
    expect(denied.body.detail).toBe("API key missing required scope 'feature_flag:write'");
    expect((await ada.current(seen.first)).body).toMatchObject({ id: seen.id, value: null });
  });

  it('rolls it: the same key with another value, and the old one is refused at once', async () => {
    const rolled = await ada.roll(seen.id);
    expect(rolled.status).toBe(200);
    expect(rolled.body).toMatchObject({ id: seen.id, label: 'Deploys', scopes: ['feature_flag:read'] });
    seen.rolled = rolled.body.value!;
    expect((await ada.verify(seen.first)).status).toBe(401);
    expect((await ada.verify(seen.rolled)).status).toBe(200);
  });

  it('changes label, description and scopes in one go, and the next request sees it', async () => {
    const change = { label: 'Releases', description: 'CI', scopes: ['feature_flag:write'] };
    expect((await ada.change(seen.id, change)).body).toMatchObject(change);
    expect((await ada.verify(seen.rolled, { scopes: 'feature_flag:write' })).status).toBe(200);
    expect((await ada.get(seen.id)).body).toMatchObject(change);
  });

  it('answers a change that changes nothing with the same position', async () => {
    const once = await ada.change(seen.id, { label: 'Releases' });
    const twice = await ada.change(seen.id, { label: 'Releases' });
    expect(twice.position).toBe(once.position);
  });

  it('hides the key from everybody else', async () => {
    const bob = new KeysApi(service.url, 'bob', service.token);
    expect((await bob.list()).body).toEqual([]);
    expect((await bob.get(seen.id)).status).toBe(404);
    expect((await bob.roll(seen.id)).status).toBe(404);
    expect((await bob.change(seen.id, { label: 'Mine' })).status).toBe(404);
    expect((await bob.delete(seen.id)).status).toBe(404);
    expect((await ada.verify(seen.rolled)).status).toBe(200);
  });

  it('keeps every acknowledged change over kill -9', async () => {
    const before = (await ada.list()).body;
    await service.kill('SIGKILL');
    service = await StandaloneProcess.start(dataDir);
    ada = new KeysApi(service.url, 'ada', service.token);
    // In memory the last use is forgotten: it is no fact.
    expect((await ada.list()).body).toEqual(before.map((key) => ({ ...key, last_used_at: null })));
    expect((await ada.verify(seen.rolled, { scopes: 'feature_flag:write' })).status).toBe(200);
    expect((await ada.verify(seen.first)).status).toBe(401);
  });

  it('deletes a key, and then the user with all that is left', async () => {
    const other = await ada.create({ label: 'Other', scopes: ['*'] });
    expect((await ada.delete(seen.id)).status).toBe(204);
    expect((await ada.verify(seen.rolled)).status).toBe(401);
    expect((await ada.verify(other.body.value!, { scopes: 'anything:write' })).status).toBe(200);

    const gone = await ada.deleteUser();
    expect(gone.status).toBe(204);
    expect((await ada.verify(other.body.value!, { minPosition: gone.position! })).status).toBe(401);
    expect((await ada.list()).body).toEqual([]);
    expect((await ada.create({ label: 'Again', scopes: ['*'] })).status).toBeGreaterThanOrEqual(400);
    expect((await ada.deleteUser()).position).toBe(gone.position);
  });

  it('ends by itself when it is told to', async () => {
    expect(await service.kill('SIGTERM')).toBe(0);
  });
});
