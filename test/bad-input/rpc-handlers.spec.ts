import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { TOPICS, type Topic } from '#contracts/topics';
import { Services } from '#testing/services';

const HASH = `sha256$${'a'.repeat(64)}`;
const LEGACY = 'pbkdf2_sha256$260000$posthog_personal_api_key';
const ids = { commandId: 'c-1', userId: 'alice', keyId: 'k-1' };

/** A good request for each topic, to be spoilt one field at a time; and which fields it can't do without. */
const GOOD: Readonly<Record<Topic, Record<string, unknown>>> = {
  'keys.create': { ...ids, label: 'CI', description: 'x', scopes: ['a:read'], hash: HASH, mask: 'lkp_...aaaa' },
  'keys.roll': { ...ids, hash: HASH, mask: 'lkp_...aaaa' },
  'keys.change': { ...ids, label: 'CI', description: 'x', scopes: ['a:read'] },
  'keys.delete': ids,
  'keys.list': { userId: ids.userId },
  'keys.get': { userId: ids.userId, keyId: ids.keyId },
  'keys.last-used': { items: [{ userId: ids.userId, keyId: ids.keyId }] },
  'users.delete': { commandId: ids.commandId, userId: ids.userId },
  'keys.verify': { hash: HASH, scopes: ['a:read'], minPosition: '0' },
};
const OPTIONAL: readonly string[] = ['description', 'minPosition'];

const NO_TEXTS: readonly unknown[] = [0, -1, 1.5, true, [], {}, [['x']], { length: 3 }];
const BAD_TEXTS: readonly unknown[] = ['a\0b', 'a\ud800', '\udc00', 'a\u001bb', 'x'.repeat(100_000)];
const BAD_HASHES: readonly unknown[] = [
  '',
  'sha256$',
  `sha256$${'A'.repeat(64)}`,
  `sha256$${'a'.repeat(63)}`,
  ` ${HASH}`,
  `${HASH}\n`,
  'a'.repeat(64),
  `pbkdf2_sha256$1000000000$posthog_personal_api_key$${'A'.repeat(43)}=`,
  `pbkdf2_sha256$260000$another_salt$${'A'.repeat(43)}=`,
  `${LEGACY}$`,
];
const BAD_VALUES: Readonly<Record<string, readonly unknown[]>> = {
  commandId: ['', ' ', 'a b', 'x/y', 'é', ...BAD_TEXTS, ...NO_TEXTS, null],
  userId: ['', 'a\r\nb', 'a\u2028b', ...BAD_TEXTS, ...NO_TEXTS, null],
  keyId: ['', '../x', 'a b', '__proto__\0', 'x'.repeat(65), ...BAD_TEXTS, ...NO_TEXTS, null],
  label: ['', ' \t', 'a\r\nb', 'x'.repeat(41), ...BAD_TEXTS, ...NO_TEXTS, null],
  description: ['x'.repeat(1_001), ...BAD_TEXTS, ...NO_TEXTS],
  scopes: [null, '*', {}, { length: 1, 0: '*' }, [null], [7], ['a'], ['A:read'], ['a:read\n'], Array(257).fill('*')],
  hash: [...BAD_HASHES, ...BAD_TEXTS, ...NO_TEXTS, null],
  mask: ['', 'lkp_aaaa', 'lkp_...aaaaa', 'lkp_... aaa', 'lkp_...aaa\n', ...BAD_TEXTS, ...NO_TEXTS, null],
  items: [
    [],
    [null],
    [7],
    ['x'],
    [{}],
    [[]],
    {},
    { length: 1 },
    'x',
    null,
    Array(513).fill({ userId: 'a', keyId: 'k' }),
  ],
  minPosition: ['', '-1', '01', '1.0', '9223372036854775807', '18446744073709551615', ...BAD_TEXTS, ...NO_TEXTS, null],
};

const topics = Object.keys(TOPICS) as Topic[];
let services: Services;
let before: bigint | undefined;

beforeAll(async () => {
  services = await Services.start();
});
afterAll(() => services.close());
beforeEach(async () => {
  before = await services.head();
});
/** Given only what is refused, nothing was written; and the next good request is answered. */
afterEach(async () => {
  expect(await services.head()).toBe(before);
  expect(await send('keys.list', GOOD['keys.list'])).toEqual({ ok: true, records: [] });
});

function send(topic: Topic, payload: unknown): Promise<unknown> {
  return firstValueFrom(services.client.send<unknown>(topic, payload));
}

/** A coded refusal, as the topic's contract has it, with nothing in it of what was sent. */
async function expectRefused(topic: Topic, payload: unknown): Promise<void> {
  const reply = await send(topic, payload);
  expect(TOPICS[topic].reply.safeParse(reply).success).toBe(true);
  if (topic === 'keys.verify') expect(reply).toEqual({ valid: false, code: 'INVALID_REQUEST' });
  else expect(reply).toMatchObject({ ok: false, code: expect.stringMatching(/^INVALID_(REQUEST|SCOPE)$/) as unknown });
  expect(JSON.stringify(reply).length).toBeLessThan(300);
}

describe('every handler', () => {
  it.each(topics)('%s refuses what is no request at all', async (topic) => {
    const good = JSON.stringify(GOOD[topic]);
    // A text travels as it is, so these are what a hostile sender may put on the wire.
    const texts = ['', 'x', '{', '[', good.slice(0, -1), `[${good}]`, `{"__proto__":${good}}`, `${good}${good}`];
    const deep = ['{"a":'.repeat(50_000) + '1' + '}'.repeat(50_000), '['.repeat(50_000) + ']'.repeat(50_000)];
    const payloads = [0, 7, true, [], {}, { constructor: { prototype: GOOD[topic] } }, 'x'.repeat(10_000_000)];
    for (const payload of [...texts, ...deep, ...payloads]) await expectRefused(topic, payload);
  });

  it.each(topics)('%s refuses a request with one bad field', async (topic) => {
    for (const field of Object.keys(GOOD[topic])) {
      expect(BAD_VALUES[field]?.length).toBeGreaterThan(5);
      for (const value of BAD_VALUES[field] ?? []) await expectRefused(topic, { ...GOOD[topic], [field]: value });
    }
  });

  it.each(topics.filter((topic) => topic !== 'keys.change' && topic !== 'keys.verify'))(
    '%s refuses a request with a field missing',
    async (topic) => {
      for (const field of Object.keys(GOOD[topic]).filter((name) => !OPTIONAL.includes(name))) {
        const { [field]: _, ...rest } = GOOD[topic];
        await expectRefused(topic, rest);
      }
    },
  );

  it('keys.change refuses a request without its ids', async () => {
    for (const field of Object.keys(ids))
      await expectRefused('keys.change', { ...GOOD['keys.change'], [field]: undefined });
  });

  it.each(topics)('%s refuses a bad request alone, in a list with good ones', async (topic) => {
    const [good, ...bad] = await Promise.all([
      send('keys.list', GOOD['keys.list']),
      ...Array.from({ length: 20 }, () => send(topic, { nonsense: true })),
    ]);
    expect(good).toEqual({ ok: true, records: [] });
    for (const reply of bad) expect(reply).toMatchObject({ code: 'INVALID_REQUEST' });
  });
});

describe('commands', () => {
  it('take no legacy hash', async () => {
    for (const topic of ['keys.create', 'keys.roll'] as const) {
      await expectRefused(topic, { ...GOOD[topic], hash: `${LEGACY}$${'A'.repeat(43)}=` });
    }
  });

  it.each(['keys.roll', 'keys.change', 'keys.delete', 'keys.get'] as const)(
    '%s of a key that nobody has is refused',
    async (topic) => {
      expect(await send(topic, GOOD[topic])).toMatchObject({ ok: false, code: 'KEY_NOT_FOUND' });
    },
  );
});

describe('keys.verify', () => {
  it('refuses a bad item alone', async () => {
    const items = [GOOD['keys.verify'], {}, null, 7, { hash: 'x' }, { scopes: ['a:read'] }, { items: [] }];
    const { results } = (await send('keys.verify', { items })) as { results: { code: string }[] };
    const invalid = Array<string>(6).fill('INVALID_REQUEST');
    expect(results.map(({ code }) => code)).toEqual(['NOT_FOUND', ...invalid]);
  });

  it('takes neither no items nor more than 512', async () => {
    for (const items of [[], Array(513).fill(GOOD['keys.verify']), {}, 'x', null]) {
      await expectRefused('keys.verify', { items });
    }
  });
});
