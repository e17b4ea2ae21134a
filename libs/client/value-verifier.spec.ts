import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { from, mergeMap, of, throwError, type Observable } from 'rxjs';
import { type Verdict } from '#contracts/verification';
import { sha256Hash } from '#credentials/hash';
import { mintKeyValue } from '#credentials/key-value';
import { legacyParameterSet } from '#credentials/legacy-hash';
import { LegacyHasher, type LegacyHasherOptions } from '#credentials/legacy-hasher';
import { Secret } from '#credentials/secret';
import { type LookupChange } from '#keys/project-key';
import { GenerationWriter } from '#key-lookup/generation-writer';
import { MemoryKeyLookup } from '#key-lookup/memory-key-lookup';
import { type MemoryLookupReader } from '#key-lookup/memory-lookup-reader';
import { type RequestRecord } from '#runtime/request-record';
import { verifyMany } from '#verification/verify-many';
import { Requests } from './requests.ts';
import { ValueVerifier, type Verification } from './value-verifier.ts';

const ENTRY = { userId: 'alice', keyId: 'key-1', scopes: ['insight:read'] };
const TESTED = legacyParameterSet(1);
const OLD = legacyParameterSet(260_000);
const legacyValue = new Secret('phx_from_before_2024');

/** The real decision over a real lookup, asked without a transport in between; counts what is asked. */
class Auth {
  asked = 0;
  position = 0n;
  isDown = false;
  private constructor(
    private readonly writer: GenerationWriter,
    private readonly reader: MemoryLookupReader,
  ) {}

  static async start(): Promise<Auth> {
    const lookup = new MemoryKeyLookup();
    await lookup.createGeneration('one', { shards: 1, logId: 'log' });
    await lookup.switchLive(undefined, 'one');
    const reader = lookup.reader({ maxStalenessMs: 30_000, monotonicMs: () => 0 });
    const auth = new Auth(await GenerationWriter.open(lookup, 'one'), reader);
    await auth.apply();
    await auth.apply();
    return auth;
  }

  async apply(...changes: LookupChange[]): Promise<void> {
    const position = this.position + 10n;
    const upTo = { commit: position, prepare: position };
    const events = [{ position, changes }];
    await this.writer.apply({ after: this.writer.resumeAfter, upTo, events, stamp: String(position) });
    this.position = position;
  }

  send(_topic: string, { request }: RequestRecord): Observable<Verdict | undefined> {
    this.asked += 1;
    if (this.isDown) return throwError(() => new Error('down'));
    return from(verifyMany([request], this.reader).then(([verdict]) => verdict));
  }
}

let auth: Auth;
let nowMs: number;
const derive = jest.fn<NonNullable<LegacyHasherOptions['derive']>>();

function verifierWith(options: LegacyHasherOptions = {}): ValueVerifier {
  const hasher = new LegacyHasher({ allowTestIterations: true, derive, ...options });
  return new ValueVerifier(new Requests(auth), { keyPrefix: 'lkp', hasher, nowMs: () => nowMs });
}

async function legacyHashOf(value: Secret): Promise<string> {
  const hashing = await new LegacyHasher({ allowTestIterations: true, derive: digestOf }).hash(value, TESTED);
  if (hashing.outcome !== 'hashed') throw new Error(hashing.outcome);
  return hashing.hash;
}

/** As different for each value as the real thing, and free. */
function digestOf(value: Secret): Promise<Uint8Array> {
  return Promise.resolve(Buffer.from(sha256Hash(value).slice('sha256$'.length), 'hex'));
}

beforeEach(async () => {
  auth = await Auth.start();
  nowMs = 0;
  derive.mockReset().mockImplementation(digestOf);
});

describe('verifying a value', () => {
  it('accepts a key by its modern hash, with one question', async () => {
    const value = mintKeyValue('lkp');
    await auth.apply({ put: sha256Hash(value), entry: ENTRY });
    expect(await verifierWith().verify(value, { scopes: ['insight:read'] })).toEqual({
      valid: true,
      ...ENTRY,
      position: String(auth.position),
    });
    expect(auth.asked).toBe(1);
  });

  it('names the scopes that are missing', async () => {
    const value = mintKeyValue('lkp');
    await auth.apply({ put: sha256Hash(value), entry: ENTRY });
    const verification = await verifierWith().verify(value, { scopes: ['insight:read', 'insight:write'] });
    expect(verification).toMatchObject({ code: 'INSUFFICIENT_SCOPE', missing: ['insight:write'] });
  });

  it('answers STALE while the lookup has not reached the position asked for', async () => {
    const verification = await verifierWith().verify(mintKeyValue('lkp'), { minPosition: '1000' });
    expect(verification).toMatchObject({ valid: false, code: 'STALE' });
  });

  it.each([
    ['an own value with a wrong checksum', mintKeyValue('lkp').reveal().slice(0, -1) + '*'],
    ['an own prefix and nothing', 'lkp_'],
    ['more than 128 bytes', 'x'.repeat(129)],
    ['nothing', ''],
    ['a NUL', 'abc\0def'],
    ['what is not text', undefined],
  ])('refuses %s without asking anybody', async (_, text) => {
    const value = text === undefined ? undefined : new Secret(text);
    expect(await verifierWith().verify(value)).toEqual({ valid: false, code: 'NOT_FOUND' });
    expect(auth.asked).toBe(0);
  });

  it('does not accept the stored hash of a key as its value', async () => {
    const value = mintKeyValue('lkp');
    const legacy = await legacyHashOf(legacyValue);
    await auth.apply({ put: sha256Hash(value), entry: ENTRY }, { put: legacy, entry: ENTRY, legacy: TESTED });
    const verifier = verifierWith();
    expect(await verifier.verify(new Secret(sha256Hash(value)))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await verifier.verify(new Secret(legacy))).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('turns a fault into UNAVAILABLE, never into a verdict', async () => {
    auth.isDown = true;
    expect(await verifierWith().verify(mintKeyValue('lkp'))).toEqual({ valid: false, code: 'UNAVAILABLE' });
    expect(await verifierWith().verify(mintKeyValue('lkp'), { deadlineMs: 0 })).toEqual({
      valid: false,
      code: 'UNAVAILABLE',
    });
  });
});

describe('legacy keys', () => {
  async function addLegacyKey(): Promise<void> {
    await auth.apply({ put: await legacyHashOf(legacyValue), entry: ENTRY, legacy: TESTED });
  }

  it('are found by a PBKDF2 run, once for a value', async () => {
    await addLegacyKey();
    const verifier = verifierWith();
    for (let round = 0; round < 3; round += 1)
      expect(await verifier.verify(legacyValue)).toMatchObject({ valid: true });
    expect(derive).toHaveBeenCalledTimes(1);
  });

  it('are looked up every time: a remembered hash accepts nothing that was revoked', async () => {
    await addLegacyKey();
    await auth.apply({ put: await legacyHashOf(new Secret('phx_other')), entry: ENTRY, legacy: TESTED });
    const verifier = verifierWith();
    await verifier.verify(legacyValue);
    await auth.apply({ remove: await legacyHashOf(legacyValue), owner: ENTRY, legacy: TESTED });
    expect(await verifier.verify(legacyValue)).toMatchObject({ valid: false, code: 'NOT_FOUND' });
    auth.asked = 0;
    expect(await verifier.verify(legacyValue)).toMatchObject({ valid: false, code: 'NOT_FOUND' });
    expect(auth.asked).toBe(1);
  });

  it('never show their parameter sets', async () => {
    await addLegacyKey();
    expect(await verifierWith().verify(new Secret('phx_unknown'))).not.toHaveProperty('legacy');
    expect(await verifierWith().verify(mintKeyValue('lkp'))).not.toHaveProperty('legacy');
  });

  it('cost nothing once there are none, and own values never run PBKDF2', async () => {
    const verifier = verifierWith();
    await verifier.verify(new Secret('phx_unknown'));
    await addLegacyKey();
    await verifier.verify(mintKeyValue('lkp'));
    expect(derive).not.toHaveBeenCalled();
  });

  it('make an unknown value cost one run, and one more lookup every 30 s', async () => {
    await addLegacyKey();
    const verifier = verifierWith();
    const unknown = new Secret('phx_unknown');
    for (nowMs of [0, 1, 30_000]) expect(await verifier.verify(unknown)).toMatchObject({ code: 'NOT_FOUND' });
    expect(auth.asked).toBe(4);
    nowMs = 30_001;
    await verifier.verify(unknown);
    expect(auth.asked).toBe(6);
    expect(derive).toHaveBeenCalledTimes(1);
  });

  it('are accepted after that, once they are imported', async () => {
    await addLegacyKey();
    const verifier = verifierWith();
    const imported = new Secret('phx_imported_later');
    expect(await verifier.verify(imported)).toMatchObject({ code: 'NOT_FOUND' });
    await auth.apply({ put: await legacyHashOf(imported), entry: ENTRY, legacy: TESTED });
    nowMs = 30_001;
    expect(await verifier.verify(imported)).toMatchObject({ valid: true });
    expect(derive).toHaveBeenCalledTimes(1);
  });

  it('cost no second run after one whose asker had left, nor is its verdict one from before', async () => {
    await addLegacyKey();
    const verifier = verifierWith();
    const caller = new AbortController();
    derive.mockImplementationOnce((value) => {
      caller.abort();
      return digestOf(value);
    });
    expect(await verifier.verify(legacyValue, { signal: caller.signal })).toMatchObject({ code: 'UNAVAILABLE' });
    expect(await verifier.verify(legacyValue)).toMatchObject({ valid: true });
    await auth.apply({ put: await legacyHashOf(new Secret('phx_other')), entry: ENTRY, legacy: TESTED });
    await auth.apply({ remove: await legacyHashOf(legacyValue), owner: ENTRY, legacy: TESTED });
    expect(await verifier.verify(legacyValue)).toMatchObject({ code: 'NOT_FOUND' });
    expect(derive).toHaveBeenCalledTimes(1);
  });

  it('are searched again when other parameter sets come into use', async () => {
    await addLegacyKey();
    const verifier = verifierWith();
    const imported = new Secret('phx_imported_later');
    expect(await verifier.verify(imported)).toMatchObject({ code: 'NOT_FOUND' });
    const digest = Buffer.from(await digestOf(imported)).toString('base64');
    await auth.apply({ put: `${OLD}$${digest}`, entry: ENTRY, legacy: OLD });
    expect(await verifier.verify(imported)).toMatchObject({ valid: true });
  });

  it('are searched again for whoever insists on a later position', async () => {
    await addLegacyKey();
    const verifier = verifierWith();
    const unknown = new Secret('phx_unknown');
    await verifier.verify(unknown);
    await verifier.verify(unknown, { minPosition: String(auth.position) });
    expect(derive).toHaveBeenCalledTimes(1);
    const imported = `${TESTED}$${Buffer.from(await digestOf(unknown)).toString('base64')}`;
    await auth.apply({ put: imported, entry: ENTRY, legacy: TESTED });
    expect(await verifier.verify(unknown)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await verifier.verify(unknown, { minPosition: String(auth.position) })).toMatchObject({ valid: true });
  });

  it('are missed only up to the shard that is least far, for each hash is in a shard of its own', async () => {
    let isImported = false;
    const send = (_topic: string, { request }: RequestRecord): Observable<Verdict> => {
      const isLegacy = (request as { hash: string }).hash.startsWith(TESTED);
      if (isLegacy && isImported) return of({ valid: true, ...ENTRY, position: '95' });
      const position = isLegacy ? '90' : '100';
      return of({ valid: false, code: 'NOT_FOUND', position, legacy: [TESTED] });
    };
    const hasher = new LegacyHasher({ allowTestIterations: true, derive });
    const verifier = new ValueVerifier(new Requests({ send }), { keyPrefix: 'lkp', hasher, nowMs: () => nowMs });
    const missed = { valid: false, code: 'NOT_FOUND', position: '90' };
    expect(await verifier.verify(legacyValue)).toEqual(missed);
    isImported = true;
    expect(await verifier.verify(legacyValue, { minPosition: '90' })).toEqual(missed);
    expect(await verifier.verify(legacyValue, { minPosition: '95' })).toMatchObject({ valid: true });
  });

  it('leave out the parameter sets that are for tests where those are not allowed', async () => {
    await addLegacyKey();
    const verification = await verifierWith({ allowTestIterations: false }).verify(legacyValue);
    expect(verification).toMatchObject({ valid: false, code: 'NOT_FOUND' });
    expect(derive).not.toHaveBeenCalled();
  });

  it('answer UNAVAILABLE when too many runs wait, and modern keys all the same', async () => {
    await addLegacyKey();
    const modern = mintKeyValue('lkp');
    await auth.apply({ put: sha256Hash(modern), entry: ENTRY });
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    derive.mockImplementation((value) => held.then(() => digestOf(value)));
    const verifier = verifierWith({ maxWaiting: 1 });
    const flood = ['a', 'b', 'c', 'd'].map((letter) => verifier.verify(new Secret(`phx_${letter}`)));
    const codeOf = (verification: Verification) => (verification.valid ? 'VALID' : verification.code);
    expect(codeOf(await Promise.race(flood))).toBe('UNAVAILABLE');
    expect(codeOf(await verifier.verify(modern))).toBe('VALID');
    release();
    const codes = (await Promise.all(flood)).map(codeOf);
    expect(codes.sort()).toEqual(['NOT_FOUND', 'NOT_FOUND', 'UNAVAILABLE', 'UNAVAILABLE']);
  });

  it.each([
    ['UNAVAILABLE', 0],
    ['VALID', 1],
  ])('are %s when they come again in a flood that does not, with places kept: %i', async (expected, reserved) => {
    await addLegacyKey();
    const endings: (() => void)[] = [];
    derive.mockImplementation((value) => new Promise((end) => endings.push(() => end(digestOf(value)))));
    const verifier = verifierWith({ maxWaiting: 1, reserved });
    const codeOf = (verification: Verification) => (verification.valid ? 'VALID' : verification.code);
    const flood = ['a', 'b', 'c'].map((letter) => verifier.verify(new Secret(`phx_${letter}`)));
    expect(codeOf(await Promise.race(flood))).toBe('UNAVAILABLE');
    expect(codeOf(await verifier.verify(legacyValue))).toBe('UNAVAILABLE');
    const again = verifier.verify(legacyValue);
    // It has been to the queue by then.
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
    const all = Promise.all([again, ...flood]).then(() => 'over');
    while ((await Promise.race([all, setImmediate('running')])) === 'running') endings.shift()?.();
    expect(codeOf(await again)).toBe(expected);
  });

  /** Keys of two parameter sets, of which none has `legacyValue`. */
  async function addOldKeys(): Promise<void> {
    const digest = Buffer.from(await digestOf(new Secret('phx_other'))).toString('base64');
    for (const legacy of [TESTED, OLD]) await auth.apply({ put: `${legacy}$${digest}`, entry: ENTRY, legacy });
  }

  it('cost one run for each parameter set, also where there was no place for the second', async () => {
    await addOldKeys();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let hasBegun: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (hasBegun = resolve));
    derive.mockImplementation((value) => {
      if (value.reveal() === legacyValue.reveal()) return digestOf(value);
      hasBegun();
      return held.then(() => digestOf(value));
    });
    let other: Promise<Verification> | undefined;
    // The run of another value begins between the two.
    const send = (topic: string, record: RequestRecord) => {
      const { hash } = record.request as { hash: string };
      if (hash.startsWith('sha256$') || other !== undefined) return auth.send(topic, record);
      other = verifier.verify(new Secret('phx_unknown'));
      return from(begun).pipe(mergeMap(() => auth.send(topic, record)));
    };
    const hasher = new LegacyHasher({ allowTestIterations: true, derive, maxWaiting: 0, reserved: 0 });
    const verifier = new ValueVerifier(new Requests({ send }), { keyPrefix: 'lkp', hasher, nowMs: () => nowMs });
    expect(await verifier.verify(legacyValue)).toMatchObject({ code: 'UNAVAILABLE' });
    release();
    await other;
    expect(await verifier.verify(legacyValue)).toMatchObject({ code: 'NOT_FOUND' });
    const iterations = derive.mock.calls.filter(([value]) => value.reveal() === legacyValue.reveal());
    expect(iterations.map(([, count]) => count).sort()).toEqual([1, 260_000]);
  });

  it('have a place kept in a flood after a run that came too late for whoever asked', async () => {
    await addOldKeys();
    const verifier = verifierWith({ maxWaiting: 1, reserved: 1 });
    const caller = new AbortController();
    derive.mockImplementationOnce((value) => {
      caller.abort();
      return digestOf(value);
    });
    expect(await verifier.verify(legacyValue, { signal: caller.signal })).toMatchObject({ code: 'UNAVAILABLE' });
    const searched = derive.mock.calls[0]![1];
    const legacy = searched === 1 ? OLD : TESTED;
    const digest = Buffer.from(await digestOf(legacyValue)).toString('base64');
    await auth.apply({ put: `${legacy}$${digest}`, entry: ENTRY, legacy });

    const endings: (() => void)[] = [];
    derive.mockImplementation((value) => new Promise((end) => endings.push(() => end(digestOf(value)))));
    const flood = ['a', 'b', 'c'].map((letter) => verifier.verify(new Secret(`phx_${letter}`)));
    expect(await Promise.race(flood)).toMatchObject({ code: 'UNAVAILABLE' });
    const again = verifier.verify(legacyValue);
    // It has been to the queue by then.
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
    const all = Promise.all([again, ...flood]).then(() => 'over');
    while ((await Promise.race([all, setImmediate('running')])) === 'running') endings.shift()?.();
    expect(await again).toMatchObject({ valid: true });
  });

  it('cost one run for a value however many ask for it at the same time', async () => {
    await addLegacyKey();
    const verifier = verifierWith({ maxWaiting: 0 });
    const verifications = await Promise.all([1, 2, 3, 4].map(() => verifier.verify(legacyValue)));
    expect(verifications.every(({ valid }) => valid)).toBe(true);
    expect(derive).toHaveBeenCalledTimes(1);
  });
});
