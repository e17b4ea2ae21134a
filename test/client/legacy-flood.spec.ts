import { pbkdf2, pbkdf2Sync, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Requests } from '#client/requests';
import { ValueVerifier, type Verification } from '#client/value-verifier';
import { LEGACY_SALT } from '#contracts/hash-formats';
import { legacyHash } from '#credentials/legacy-hash';
import { LegacyHasher, type LegacyHashing, type LegacyHasherOptions } from '#credentials/legacy-hasher';
import { Secret } from '#credentials/secret';
import { importRows } from '#testing/imports';
import { aRow, legacyHashOf, modernHashOf } from '#testing/posthog-rows';
import { Services } from '#testing/services';

/** PostHog's vector, a legacy key that nobody has shown before the flood, and a modern key. */
const LEGACY = new Secret('test_key_12345');
const LEGACY_HASH = 'pbkdf2_sha256$260000$posthog_personal_api_key$eeRy21dbVoEzYND0NVLfjXxgNeO67SeBRrwQr6bbhK4=';
const UNSEEN = new Secret('phx_legacy_and_unseen');
const MODERN = new Secret('phx_with_a_modern_hash');

/** What comes within a window's second. */
const WINDOW_MS = 1_000;
const LOAD = { unknown: 1_000, modern: 300, legacy: 300, unseen: 20 };
type Asked = keyof typeof LOAD;
type Ask = Readonly<Record<Asked, () => Promise<Verification>>>;
const MAX_PAIRS = 8;
/** A p99 beyond it, without legacy keys, is that of others who keep this process from running; it compares with nothing. */
const CALM_MS = 250;
const MAX_DISTURBED = 30;

type Derive = NonNullable<LegacyHasherOptions['derive']>;
const offTheLoop: Derive = (value, count) => promisify(pbkdf2)(value.reveal(), LEGACY_SALT, count, 32, 'sha256');
const onTheLoop: Derive = (value, count) =>
  Promise.resolve(pbkdf2Sync(value.reveal(), LEGACY_SALT, count, 32, 'sha256'));

/** Counts PBKDF2 runs: all, how many at the same time, and those of the legacy key that was seen. */
class Runs {
  all = 0;
  most = 0;
  ofLegacy = 0;
  #now = 0;

  counting(derive: Derive): Derive {
    return async (value, count) => {
      this.all += 1;
      this.most = Math.max(this.most, ++this.#now);
      if (value.reveal() === LEGACY.reveal()) this.ofLegacy += 1;
      try {
        return await derive(value, count);
      } finally {
        this.#now -= 1;
      }
    };
  }
}

/** The defence off: every value's run begins at once. */
class AllAtOnce extends LegacyHasher {
  constructor(private readonly derive: Derive) {
    super();
  }

  override async hash(value: Secret, parameterSet: string): Promise<LegacyHashing> {
    return { outcome: 'hashed', hash: legacyHash(parameterSet, await this.derive(value, 260_000)) };
  }
}

/**
 * At the verifier of the edges, over the real services: HTTP would cost the same with and without legacy keys, and so
 * only hide what they cost.
 */
describe('1,000 unknown values per second', () => {
  let withLegacy: Services;
  let without: Services;

  beforeAll(async () => {
    [withLegacy, without] = await Promise.all([Services.start(), Services.start()]);
    const modern = aRow({ user_id: 1, secure_value: modernHashOf(MODERN.reveal()) });
    const legacy = aRow({ user_id: 2, secure_value: LEGACY_HASH });
    const unseen = aRow({ user_id: 3, secure_value: legacyHashOf(UNSEEN.reveal(), 260_000) });
    await importRows(withLegacy.store, [modern, legacy, unseen]);
    await importRows(without.store, [modern]);
    await Promise.all([withLegacy, without].map(hasFollowed));
  });
  afterAll(() => Promise.all([withLegacy.close(), without.close()]));

  /** Edges that share a hasher, as those of one process share its CPU: one that goes on, and ever new ones. */
  function edgesOf(services: Services, hasher: LegacyHasher): Ask {
    const anEdge = () => new ValueVerifier(new Requests(services.client), { keyPrefix: 'lkp', hasher });
    const edge = anEdge();
    return {
      unknown: () => edge.verify(new Secret(`phx_${randomBytes(16).toString('hex')}`)),
      modern: () => edge.verify(MODERN),
      legacy: () => edge.verify(LEGACY),
      unseen: () => anEdge().verify(UNSEEN),
    };
  }

  /** Once every shard of the lookup has all that was imported. */
  async function hasFollowed(services: Services): Promise<void> {
    const minPosition = String(await services.head());
    const isThere = async () => {
      const reply = await new Requests(services.client).send('keys.verify', { minPosition });
      return 'code' in reply && reply.code === 'NOT_FOUND';
    };
    while (!(await isThere()));
  }

  /** Asks at its times whatever is answered; how long answers to the modern key took is from when they were due. */
  async function window(ask: Ask) {
    const answers: Record<Asked, Promise<Verification>[]> = { unknown: [], modern: [], legacy: [], unseen: [] };
    const tookMs: number[] = [];
    const startedMs = performance.now();
    for (let nowMs = 0; nowMs < WINDOW_MS;) {
      await delay(1);
      nowMs = performance.now() - startedMs;
      for (const asked of Object.keys(LOAD) as Asked[]) {
        const everyMs = WINDOW_MS / LOAD[asked];
        for (let n = answers[asked].length; n < LOAD[asked] && n * everyMs <= nowMs; n += 1) {
          const answer = ask[asked]();
          answers[asked].push(answer);
          if (asked === 'modern') void answer.then(() => tookMs.push(performance.now() - startedMs - n * everyMs));
        }
      }
    }
    const all = {
      unknown: await Promise.all(answers.unknown),
      modern: await Promise.all(answers.modern),
      legacy: await Promise.all(answers.legacy),
      unseen: await Promise.all(answers.unseen),
    };
    tookMs.sort((one, other) => one - other);
    return { ...all, p99Ms: tookMs[Math.floor(tookMs.length * 0.99)] ?? NaN };
  }

  /**
   * The modern key's p99 with legacy keys over that without any, the best of pairs of windows one after the other, as
   * whatever else the machine does disturbs one or the other; and the answers that came while there were legacy keys.
   */
  async function compared(hasher: LegacyHasher, maxPairs = MAX_PAIRS) {
    const [burdened, free] = [edgesOf(withLegacy, hasher), edgesOf(without, hasher)];
    expect(await burdened.legacy()).toMatchObject({ valid: true });
    const windows: Awaited<ReturnType<typeof window>>[] = [];
    const ratios: number[] = [];
    let disturbed = 0;
    while (ratios.length < maxPairs && !ratios.some((ratio) => ratio <= 2)) {
      const { p99Ms } = await window(free);
      if (p99Ms > CALM_MS && ++disturbed <= MAX_DISTURBED) continue;
      const last = await window(burdened);
      windows.push(last);
      ratios.push(last.p99Ms / p99Ms);
    }
    return { ratio: Math.min(...ratios), windows };
  }

  it('at most double the p99 of a modern key; a legacy key that was seen before is answered from memory; one run at a time', async () => {
    const runs = new Runs();
    const { ratio, windows } = await compared(new LegacyHasher({ derive: runs.counting(offTheLoop) }));
    expect(ratio).toBeLessThanOrEqual(2);
    for (const { modern, legacy } of windows) {
      expect([...modern, ...legacy].filter(({ valid }) => !valid)).toEqual([]);
    }
    expect(runs.ofLegacy).toBe(1);
    expect(runs.most).toBe(1);
    // The flood was one: there were runs, and whoever was not remembered was turned away.
    expect(runs.all).toBeGreaterThan(windows.length);
    for (const { unknown, unseen } of windows) {
      for (const answers of [unknown, unseen]) expect(answers).toContainEqual({ valid: false, code: 'UNAVAILABLE' });
    }
  });

  it('would far more than double it if runs were on the event loop', async () => {
    const { ratio } = await compared(new LegacyHasher({ derive: onTheLoop }), 2);
    expect(ratio).toBeGreaterThan(2);
  });

  it('would make many runs at a time if nothing held them back', async () => {
    const runs = new Runs();
    // The test before may have kept the projector from its work for long.
    await hasFollowed(withLegacy);
    const { unknown } = edgesOf(withLegacy, new AllAtOnce(runs.counting(offTheLoop)));
    await Promise.all(Array.from({ length: 8 }, unknown));
    expect(runs.most).toBeGreaterThan(1);
  });
});
