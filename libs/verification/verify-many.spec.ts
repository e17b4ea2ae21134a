import { beforeEach, describe, expect, it } from '@jest/globals';
import { verdict, type VerifyItem } from '#contracts/verification';
import { MemoryKeyLookup } from '#key-lookup/memory-key-lookup';
import { hashNo, legacyHashNo } from '#testing/given-keys';
import { HandDrivenLookup } from '#testing/hand-driven-lookup';
import { verifyMany } from './verify-many.ts';

const LEGACY_SET = 'pbkdf2_sha256$260000$posthog_personal_api_key';
const ann = { userId: 'ann', keyId: 'key', scopes: ['a:write', 'b:read'] };
const [known, unknown] = [hashNo(1), hashNo(2)];

describe('verifyMany', () => {
  let lookup: HandDrivenLookup;
  const verify = async (...items: unknown[]) => {
    const verdicts = await verifyMany(items, lookup.reader);
    // What is answered must be what the contract says.
    for (const one of verdicts) expect(verdict.parse(one)).toEqual(one);
    return verdicts;
  };

  beforeEach(async () => {
    lookup = await HandDrivenLookup.open({ shards: 3 });
    await lookup.event({ put: known, entry: ann });
  });

  it('accepts a key with the scopes that are asked for, and says whose it is', async () => {
    const accepted = { valid: true, keyId: 'key', userId: 'ann', scopes: ann.scopes, position: '2' };
    expect(await verify({ hash: known })).toEqual([accepted]);
    expect(await verify({ hash: known, scopes: [] })).toEqual([accepted]);
    expect(await verify({ hash: known, scopes: ['a:read', 'a:write', 'b:read'] })).toEqual([accepted]);
  });

  it('lists the scopes that a key lacks', async () => {
    expect(await verify({ hash: known, scopes: ['b:write', 'a:read', '*'] })).toEqual([
      { valid: false, code: 'INSUFFICIENT_SCOPE', position: '2', missing: ['b:write', '*'] },
    ]);
  });

  it('gives a key without scopes no access', async () => {
    await lookup.event({ put: unknown, entry: { ...ann, keyId: 'other', scopes: [] } });
    expect(await verify({ hash: unknown, scopes: ['a:read'] })).toMatchObject([{ missing: ['a:read'] }]);
  });

  it('answers an unknown and a revoked key alike', async () => {
    await lookup.event({ remove: known, owner: ann });
    const [revoked, never] = await verify({ hash: known }, { hash: unknown, scopes: ['a:read'] });
    expect(revoked).toEqual({ valid: false, code: 'NOT_FOUND', position: '3' });
    expect(never).toEqual(revoked);
  });

  it('names the legacy parameter sets with every NOT_FOUND, as long as legacy keys exist', async () => {
    const legacy = legacyHashNo(1);
    await lookup.event({ put: legacy, entry: { ...ann, keyId: 'old' }, legacy: LEGACY_SET });
    const notFound = { valid: false, code: 'NOT_FOUND', position: '3', legacy: [LEGACY_SET] };
    expect(await verify({ hash: unknown }, { hash: legacyHashNo(2) })).toEqual([notFound, notFound]);
    expect(await verify({ hash: legacy })).toMatchObject([{ valid: true, keyId: 'old' }]);
    expect(await verify({ minPosition: '3' })).toEqual([{ valid: false, code: 'NOT_FOUND', position: '3' }]);
    await lookup.event({ remove: legacy, owner: { ...ann, keyId: 'old' }, legacy: LEGACY_SET });
    expect(await verify({ hash: unknown })).toEqual([{ valid: false, code: 'NOT_FOUND', position: '4' }]);
  });

  it('names no parameter set that an edge must not run, whatever the log holds', async () => {
    const forged = legacyHashNo(1, 999_999_999);
    const legacy = LEGACY_SET.replace('260000', '999999999');
    await lookup.event({ put: forged, entry: { ...ann, keyId: 'old' }, legacy });
    expect(await verify({ hash: unknown })).toEqual([{ valid: false, code: 'NOT_FOUND', position: '3' }]);
  });

  it('judges nothing before the position that is asked for, and everything from it on', async () => {
    const stale = { valid: false, code: 'STALE', position: '2' };
    expect(await verify({ hash: known, minPosition: '3' }, { hash: unknown, minPosition: '3' })).toEqual([
      stale,
      stale,
    ]);
    expect(await verify({ hash: known, minPosition: '2' })).toMatchObject([{ valid: true }]);
    await lookup.event({ remove: known, owner: ann });
    expect(await verify({ hash: known, minPosition: '3' })).toMatchObject([{ code: 'NOT_FOUND' }]);
  });

  it('takes no position for reached while the log is out of sight, and says what it knows to who asks for none', async () => {
    await lookup.doubt();
    const stale = { valid: false, code: 'STALE', position: '2' };
    const items = [{ hash: known, minPosition: '2' }, { minPosition: '2' }, { hash: known }];
    expect(await verify(...items)).toMatchObject([stale, stale, { valid: true }]);
    await lookup.prove();
    expect(await verify(...items)).toMatchObject([{ valid: true }, { code: 'NOT_FOUND' }, { valid: true }]);
  });

  it('compares positions as numbers, also beyond 2^53', async () => {
    const far = String(2n ** 63n - 2n);
    expect(await verify({ minPosition: '10' }, { hash: known, minPosition: far })).toMatchObject([
      { code: 'STALE' },
      { code: 'STALE' },
    ]);
  });

  it('says for an item without a hash whether every shard is there', async () => {
    expect(await verify({ minPosition: '2' }, { minPosition: '3', scopes: ['a:read'] })).toEqual([
      { valid: false, code: 'NOT_FOUND', position: '2' },
      { valid: false, code: 'STALE', position: '2' },
    ]);
  });

  it('refuses what the contract does not accept, each alone', async () => {
    const bad: unknown[] = [
      null,
      'text',
      {},
      { scopes: ['a:read'] },
      { hash: 'lkp_a_value' },
      { hash: `sha256$${'A'.repeat(64)}` },
      { hash: `${known}0` },
      { hash: known, scopes: 'a:read' },
      { hash: known, scopes: ['a:read', 'Nonsense'] },
      { hash: known, minPosition: 2 },
      { hash: known, minPosition: '-1' },
      { hash: known, minPosition: String(2n ** 63n - 1n) },
      { hash: legacyHashNo(1, 999_999_999) },
      JSON.parse('{"__proto__": {"hash": "x"}}'),
    ];
    const items = bad.flatMap((item) => [item, { hash: known } satisfies VerifyItem]);
    const verdicts = await verify(...items);
    for (let at = 0; at < items.length; at += 2) {
      expect(verdicts[at]).toEqual({ valid: false, code: 'INVALID_REQUEST' });
      expect(verdicts[at + 1]).toMatchObject({ valid: true });
    }
  });

  it('gives no verdict on a lookup that can’t be shown to be fresh, and gives them again when it can', async () => {
    const unavailable = { valid: false, code: 'UNAVAILABLE' };
    lookup.nowMs += 30_001;
    expect(await verify({ hash: known }, { hash: unknown }, { minPosition: '1' }, { hash: 'bad' })).toEqual([
      unavailable,
      unavailable,
      unavailable,
      { valid: false, code: 'INVALID_REQUEST' },
    ]);
    await lookup.prove();
    expect(await verify({ hash: known }, { minPosition: '1' })).toMatchObject([{ valid: true }, { code: 'NOT_FOUND' }]);
  });

  it('gives no verdict where no generation is live or the live one is retired', async () => {
    const reader = new MemoryKeyLookup().reader({ maxStalenessMs: 30_000, monotonicMs: () => 0 });
    expect(await verifyMany([{ hash: known }], reader)).toEqual([{ valid: false, code: 'UNAVAILABLE' }]);
    await lookup.retire();
    expect(await verify({ hash: known })).toEqual([{ valid: false, code: 'UNAVAILABLE' }]);
  });

  it('passes on what is no fault of the lookup’s', async () => {
    const broken = {
      lookUp: () => Promise.reject(new TypeError('a bug')),
      shards: () => Promise.resolve([]),
      advanced: () => Promise.resolve(),
    };
    await expect(verifyMany([{ hash: known }], broken)).rejects.toThrow('a bug');
  });
});
