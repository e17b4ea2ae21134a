import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importRows } from '#testing/imports';
import { type KeysApi } from '#testing/keys-api';
import { aRow, legacyHashOf, modernHashOf } from '#testing/posthog-rows';
import { Services } from '#testing/services';

/** Every real service in this process; each test has users of its own. */
describe('an import of PostHog’s rows', () => {
  let services: Services;
  let asked = 0;
  let users = 0;

  beforeAll(async () => {
    services = await Services.start({ onRequest: () => (asked += 1) });
  });
  afterAll(() => services.close());

  const aUser = () => (users += 1) + 1000;
  const api = (userId: number) => services.as(String(userId));

  /** Once the lookup has everything that is in the log now. */
  async function verified(value: string): Promise<number> {
    const minPosition = String(await services.head());
    for (;;) {
      const { status } = await api(0).verify(value, { minPosition });
      if (status !== 503) return status;
    }
  }

  async function listed(user: number): Promise<Awaited<ReturnType<KeysApi['list']>>['body']> {
    return (await api(user).list()).body;
  }

  it('brings keys of both formats, which work by their values and are listed as they were', async () => {
    const user = aUser();
    const [legacy, modern] = [`phx_legacy_${user}`, `phx_modern_${user}`];
    const { end, sums, reports } = await importRows(services.store, [
      aRow({ user_id: user, id: 'old', secure_value: legacyHashOf(legacy), created_at: '2022-01-01T00:00:00Z' }),
      '',
      aRow({ user_id: user, id: 'new', secure_value: modernHashOf(modern), mask_value: 'phx_...wXyZ', label: 'CI' }),
    ]);
    expect({ end, reports }).toEqual({ end: 'complete', reports: [] });
    expect(sums).toMatchObject({ rows: 2, imported: 2, refused: 0 });
    expect(await listed(user)).toMatchObject([
      {
        id: 'new',
        label: 'CI',
        mask_value: 'phx_...wXyZ',
        is_legacy_hashing: false,
        created_at: '2023-05-06T07:08:09.123Z',
        user_id: String(user),
      },
      { id: 'old', mask_value: null, is_legacy_hashing: true, created_at: '2022-01-01T00:00:00.000Z', value: null },
    ]);
    expect(await verified(legacy)).toBe(200);
    expect(await verified(modern)).toBe(200);
    expect(await verified(`${legacy}!`)).toBe(401);
  });

  it('brings keys whose roll makes them modern and ends the old value', async () => {
    const user = aUser();
    await importRows(services.store, [aRow({ user_id: user, id: 'old', secure_value: legacyHashOf(`phx_${user}`) })]);
    expect(await verified(`phx_${user}`)).toBe(200);
    const rolled = await api(user).roll('old');
    expect(rolled.body).toMatchObject({ id: 'old', is_legacy_hashing: false, scopes: ['insight:read'] });
    expect(await verified(`phx_${user}`)).toBe(401);
    expect(await verified(rolled.body.value!)).toBe(200);
  });

  it('never revives what was rolled or deleted, however often it is run', async () => {
    const user = aUser();
    const leaver = aUser();
    const value = (id: string) => `phx_${user}_${id}`;
    const row = (id: string, user_id = user) => aRow({ user_id, id, secure_value: legacyHashOf(value(id)) });
    const rows = [row('kept'), row('rolled'), row('deleted'), row('gone', leaver)];
    expect((await importRows(services.store, rows)).sums).toMatchObject({ imported: 4 });
    await api(user).roll('rolled');
    await api(user).delete('deleted');
    await api(leaver).deleteUser();
    const before = await services.head();
    const { sums, reports } = await importRows(services.store, rows);
    expect(sums).toMatchObject({ imported: 0, alreadyThere: 4, refused: 0 });
    expect(reports).toEqual([]);
    expect(await services.head()).toBe(before);
    expect(await verified(value('kept'))).toBe(200);
    for (const id of ['rolled', 'deleted', 'gone']) expect(await verified(value(id))).toBe(401);
  });

  it('refuses what it can’t take by line and reason, and takes the rest', async () => {
    const user = aUser();
    const leaver = aUser();
    const tombstoned = aUser();
    await api(leaver).create({ label: 'x', scopes: ['*'] });
    await api(leaver).deleteUser();
    const good = aRow({ user_id: user });
    const { sums, reports } = await importRows(services.store, [
      aRow({ user_id: leaver }),
      aRow({ user_id: user, scopes: null }),
      good,
      aRow({ user_id: user, scopes: ['insight:read', 'no_such_thing:read'] }),
      aRow({ user_id: user, secure_value: legacyHashOf('a value', 2) }),
      `{"user_id": ${user}, "secure_value": "phx_in_the_open"`,
      aRow({ user_id: user, secure_value: good.secure_value }),
      'x'.repeat(70_000),
      aRow({ user_id: tombstoned }),
    ]);
    expect(sums).toMatchObject({ rows: 9, imported: 2, refused: 7 });
    expect(reports.sort()).toEqual([
      '1 refused USER_DELETED The user has been deleted.',
      '2 refused INVALID_ROW scopes is null',
      '4 refused INVALID_SCOPE Invalid scope: no_such_thing:read',
      '5 refused INVALID_ROW secure_value has another count of iterations',
      '6 refused INVALID_ROW is no JSON object',
      '7 refused HASH_REUSED This hash is or was that of a key of the same user.',
      '8 refused INVALID_ROW is longer than 64 KiB, or no UTF-8',
    ]);
    expect(await listed(user)).toMatchObject([{ id: good.id }]);
    expect(await listed(leaver)).toEqual([]);
  });

  it('brings an eleventh key and says so, and none can be created until fewer than ten are left', async () => {
    const user = aUser();
    const rows = Array.from({ length: 12 }, (_, n) => aRow({ user_id: user, id: `key-${n}` }));
    const { sums, reports } = await importRows(services.store, rows);
    expect(sums).toMatchObject({ imported: 12, beyondLimit: 2 });
    expect(reports).toEqual(['11 beyondLimit 11', '12 beyondLimit 12']);
    for (const left of [12, 11, 10]) {
      expect(await listed(user)).toHaveLength(left);
      expect(await api(user).create({ label: 'One more', scopes: ['*'] })).toMatchObject({ status: 400 });
      expect((await api(user).delete(`key-${left - 1}`)).status).toBe(204);
    }
    expect((await api(user).create({ label: 'One more', scopes: ['*'] })).status).toBe(201);
  });

  it('gives a hash of two users to the earlier line, and names both', async () => {
    const [first, second, third] = [aUser(), aUser(), aUser()];
    const value = `phx_shared_${first}`;
    const shared = { secure_value: legacyHashOf(value) };
    const between = Array.from({ length: 100 }, () => aRow({ user_id: third }));
    const rows = [
      aRow({ user_id: first, id: 'first', ...shared }),
      ...between,
      aRow({ user_id: second, id: 'second', ...shared }),
      aRow({ user_id: third, id: 'third', ...shared }),
    ];
    for (const imported of [103, 0]) {
      const { sums, reports } = await importRows(services.store, rows);
      expect(sums).toMatchObject({ rows: 103, imported, sharedHash: 2 });
      expect(reports.filter((report) => report.includes('shared'))).toEqual(['102 sharedHash 1', '103 sharedHash 1']);
    }
    expect(await verified(value)).toBe(200);
    expect((await api(0).current(value)).body).toMatchObject({ id: 'first', user_id: String(first) });
    // The other two go without taking it with them.
    await api(second).delete('second');
    expect(await verified(value)).toBe(200);
  });

  it('costs an unknown value two lookups while there are legacy keys, and one once there are none', async () => {
    const own = await Services.start({ onRequest: () => (asked += 1) });
    try {
      const imported = await importRows(own.store, [
        aRow({ id: 'old', secure_value: legacyHashOf('phx_the_only_one') }),
      ]);
      expect(imported.sums).toMatchObject({ imported: 1 });
      const minPosition = String((await own.store.readHead())?.commit);
      const unknown = async (value: string) => {
        for (;;) {
          asked = 0;
          if ((await own.as('1').verify(value, { minPosition })).status === 401) return asked;
        }
      };
      expect(await unknown('phx_unknown_1')).toBe(2);
      const { position } = await own.as('1').roll('old');
      while ((await own.as('1').verify('phx_the_only_one', { minPosition: position! })).status === 503);
      expect(await unknown('phx_unknown_2')).toBe(1);
    } finally {
      await own.close();
    }
  });
});
