import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type LastUse, MemoryLastUse } from '#key-lookup/last-use';
import { LookupUnavailable } from '#key-lookup/lookup-reader';
import { type KeysApi } from '#testing/keys-api';
import { SuiteOfServices } from '#testing/suite-of-services';

/** In memory, until it is away. */
class BreakableLastUse implements LastUse {
  isAway = false;
  readonly #kept = new MemoryLastUse();

  note(...note: Parameters<LastUse['note']>): void {
    if (!this.isAway) this.#kept.note(...note);
  }

  read(...asked: Parameters<LastUse['read']>): ReturnType<LastUse['read']> {
    return this.isAway ? Promise.reject(new LookupUnavailable('away')) : this.#kept.read(...asked);
  }
}

/** PostHog's `last_used_at`, which is written when a key authenticates, at most once an hour. */
const CI = { label: 'CI', scopes: ['insight:read'] };
const lastUse = new BreakableLastUse();
const startedMs = Date.now();
const suite = new SuiteOfServices({ lastUse });

let user: KeysApi;
let id: string;
let value: string;
beforeEach(async () => {
  user = suite.services.as(`user-${randomUUID()}`);
  const { body } = await user.create(CI);
  expect(body.last_used_at).toBeNull();
  [id, value] = [body.id, body.value!];
});

const lastUsedAt = async () => (await user.get(id)).body.last_used_at;
const unknown = (answer: { headers: Headers }) => answer.headers.get('x-latchkey-last-used');

describe('last_used_at', () => {
  it('is null until the key is used, and is then the time of its use, in every answer', async () => {
    await user.create({ ...CI, label: 'unused' });
    expect(await lastUsedAt()).toBeNull();
    expect((await user.verify(value)).status).toBe(200);
    const time = await lastUsedAt();
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(Date.parse(time!)).toBeGreaterThanOrEqual(startedMs);
    expect(Date.parse(time!)).toBeLessThanOrEqual(Date.now());
    expect((await user.list()).body).toMatchObject([{ last_used_at: null }, { last_used_at: time }]);
    expect((await user.change(id, { label: 'Other' })).body.last_used_at).toBe(time);
    expect((await user.roll(id)).body.last_used_at).toBe(time);
    expect(await lastUsedAt()).toBe(time);
  });

  it('is not written again within the hour', async () => {
    await user.verify(value);
    const time = await lastUsedAt();
    while (Date.now() <= Date.parse(time!)) await new Promise((resolve) => setImmediate(resolve));
    await user.verify(value);
    expect(await lastUsedAt()).toBe(time);
  });

  it.each([
    ['that reads itself', () => user.current(value)],
    ['that lacks a scope', () => user.verify(value, { scopes: 'insight:write' })],
    [
      'that is refused a change',
      () => user.send('PATCH', `/api/personal_api_keys/${id}/`, { label: 'x' }, `Bearer ${value}`),
    ],
    ['in a body', () => user.send('POST', '/verify', { personal_api_key: value }, 'Digest x')],
  ])('is written by a key %s', async (_, use) => {
    await use();
    expect(await lastUsedAt()).not.toBeNull();
  });

  it('is there in the very answer to the key that reads itself', async () => {
    expect((await user.current(value)).body.last_used_at).not.toBeNull();
  });

  it.each([
    ['its owner’s looking at it', () => user.list()],
    ['a value that is not the key’s', () => user.verify(`${value}x`)],
    ['its own hash', () => user.verify(`sha256$${'0'.repeat(64)}`)],
  ])('is not written by %s', async (_, look) => {
    await look();
    expect(await lastUsedAt()).toBeNull();
  });

  it('is not written by the value of before a roll', async () => {
    await user.roll(id);
    expect((await user.verify(value)).status).toBe(401);
    expect(await lastUsedAt()).toBeNull();
  });

  it('tells nobody of the keys of others', async () => {
    await user.verify(value);
    const other = suite.services.as(`user-${randomUUID()}`);
    expect(await other.get(id)).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});

describe('where nobody can say when keys were used', () => {
  beforeEach(async () => {
    await user.verify(value);
    lastUse.isAway = true;
  });
  afterEach(() => {
    lastUse.isAway = false;
  });

  it('keys are answered all the same, and that their use is unknown', async () => {
    for (const answer of [await user.get(id), await user.change(id, { label: 'Other' }), await user.roll(id)]) {
      expect(answer).toMatchObject({ status: 200, body: { id, last_used_at: null } });
      expect(unknown(answer)).toBe('unknown');
    }
    const list = await user.list();
    expect(list).toMatchObject({ status: 200, body: [{ id, last_used_at: null }] });
    expect(unknown(list)).toBe('unknown');
    lastUse.isAway = false;
    const known = await user.list();
    expect(known.body[0]!.last_used_at).not.toBeNull();
    expect(unknown(known)).toBeNull();
  });

  it('keys are good or not as ever', async () => {
    expect((await user.verify(value)).status).toBe(200);
    expect((await user.verify(`${value}x`)).status).toBe(401);
  });
});
