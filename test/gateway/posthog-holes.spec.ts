import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type RequestRecord } from '#runtime/request-record';
import { type KeysApi } from '#testing/keys-api';
import { SuiteOfServices } from '#testing/suite-of-services';

/** Where PostHog's own code has holes that this one must not have. */
const requests: unknown[] = [];
const suite = new SuiteOfServices({ onRequest: (record) => requests.push((record as RequestRecord).request) });

const CI = { label: 'CI', scopes: ['insight:read'] };
const isGood = async (user: KeysApi, value: string) => (await user.verify(value)).status === 200;

describe('the limit of ten keys', () => {
  it('is not passed by creates that come at the same time', async () => {
    const user = suite.aUser();
    const answers = await Promise.all(Array.from({ length: 20 }, () => user.create(CI)));
    for (const status of [201, 400]) expect(answers.filter((answer) => answer.status === status)).toHaveLength(10);
    expect((await user.list()).body).toHaveLength(10);
  });
});

describe('a roll', () => {
  it('is final, whatever rolls and uses of the old value come at the same time', async () => {
    const user = suite.aUser();
    const { body: key } = await user.create(CI);
    const all = Array.from({ length: 8 }, () => [user.roll(key.id), user.verify(key.value!)] as const);
    const rolls = await Promise.all(all.map(([roll]) => roll));
    await Promise.all(all.map(([, use]) => use));
    const made = rolls.filter(({ status }) => status === 200).map(({ body }) => body.value!);
    expect(made.length).toBeGreaterThan(0);
    expect(rolls.map(({ status }) => status).filter((status) => status !== 200 && status !== 409)).toEqual([]);
    const values = [key.value!, ...made];
    const good = await Promise.all(values.map((value) => isGood(user, value)));
    const [one, ...more] = values.filter((_, index) => good[index]);
    expect(more).toEqual([]);
    expect((await user.current(one!)).body.mask_value).toBe((await user.get(key.id)).body.mask_value);
  });
});

describe('a key that nobody knows', () => {
  it('costs one lookup by its SHA-256, and no PBKDF2, while there are no legacy keys', async () => {
    const user = suite.aUser();
    const before = requests.length;
    expect((await user.verify(`phx_${randomUUID()}`)).status).toBe(401);
    expect(requests.slice(before)).toEqual([{ hash: expect.stringMatching(/^sha256\$[0-9a-f]{64}$/) }]);
  });
});

describe('the deletion of a user', () => {
  it('leaves the history of the keys', async () => {
    const user = suite.aUser();
    const { body: key } = await user.create(CI);
    await user.change(key.id, { label: 'Other' });
    await user.deleteUser();
    const read = await suite.services.store.readStream(`userKeys-${user.userId}`);
    if (read.outcome !== 'found') throw new Error(read.outcome);
    const history = ['KeyCreated', 'KeyRelabelled', 'UserDeleted', 'KeyDeleted'];
    expect(read.events.map(({ type }) => type)).toEqual(history);
  });
});
