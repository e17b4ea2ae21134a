import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  created,
  hashNo,
  keyDeleted,
  legacyHashNo,
  relabelled,
  rolled,
  scopesChanged,
  stored,
  userDeleted,
} from '#testing/given-keys';
import { scaled } from '#testing/scale';
import { type KeyEvent } from './events.ts';
import { KEY_EVENT_TYPES, keyEventMetadata, parseKeyEvent, type Upcasters } from './parse-key-event.ts';
import { projectKey } from './project-key.ts';
import { evolve, listKeys, noKeys } from './user-keys.ts';

const EVENTS: readonly KeyEvent[] = [created(), rolled(), scopesChanged(), relabelled(), keyDeleted(), userDeleted()];
const V1 = { schemaVersion: 1 };

describe('parseKeyEvent', () => {
  it('has an example here of every type', () => {
    expect(EVENTS.map(({ type }) => type)).toEqual(KEY_EVENT_TYPES);
  });

  it.each(EVENTS)('reads $type back as it was written, with the memory of its command', (event) => {
    const metadata = keyEventMetadata(event.type, { commandId: 'c1', digest: 'd1' });
    const [data, meta] = JSON.parse(JSON.stringify([event.data, metadata])) as [unknown, unknown];
    expect(parseKeyEvent(event.type, data, meta)).toEqual({ outcome: 'event', event, commandId: 'c1', digest: 'd1' });
  });

  it.each(['2024-02-30T00:00:00Z', '2024-01-01T24:00:00Z', '2024-01-01T00:00:60Z', '2024-01-01', 'now'])(
    'does not take %s for a time',
    (at) => {
      const parsed = parseKeyEvent('UserDeleted', { userId: 'ann', at }, V1);
      expect(parsed).toEqual({ outcome: 'unknown', reason: 'data' });
    },
  );

  it.each(EVENTS)('does not understand $type with any field missing or of another type', ({ type, data }) => {
    for (const name of Object.keys(data)) {
      const { [name]: _, ...rest } = data as Record<string, unknown>;
      const inherited = Object.assign(
        Object.create({ [name]: (data as Record<string, unknown>)[name] }) as object,
        rest,
      );
      for (const bad of [
        rest,
        inherited,
        { ...data, [name]: 7 },
        { ...data, [name]: [null] },
        { ...data, [name]: {} },
      ]) {
        expect(parseKeyEvent(type, bad, V1)).toEqual({ outcome: 'unknown', reason: 'data' });
      }
    }
  });

  it.each(['yesterday', '2026-03-01', '2026-03-01T08:00:00+01:00', '2026-13-01T08:00:00Z', ''])(
    'does not take %p for a time in UTC',
    (at) => {
      expect(parseKeyEvent('UserDeleted', { userId: 'ann', at }, V1)).toEqual({ outcome: 'unknown', reason: 'data' });
    },
  );

  const legacy = (rest: string) => `pbkdf2_sha256$260000$${rest}$${'A'.repeat(43)}=`;

  it.each([
    { what: 'too short', hash: 'x' },
    { what: 'a short legacy one', hash: 'pbkdf2_sha256$1$s$x' },
    { what: 'the 32 characters of a digest', hash: '\u00e9'.repeat(32) },
    { what: 'too long', hash: legacy('s'.repeat(70_000)) },
    { what: 'in upper case', hash: `sha256$${'A'.repeat(64)}` },
    { what: 'with a line behind it', hash: `sha256$${'a'.repeat(64)}\n` },
    { what: 'a legacy one with a lone surrogate in its salt', hash: legacy('posthog\ud800') },
    { what: 'a legacy one with a blank in its salt', hash: legacy('post hog') },
  ])('does not take for a hash what is $what', ({ hash }) => {
    for (const event of [
      created({ hash }),
      rolled({ newHash: hash }),
      rolled({ oldHash: hash }),
      keyDeleted({ hash }),
    ]) {
      expect(parseKeyEvent(event.type, event.data, V1)).toEqual({ outcome: 'unknown', reason: 'data' });
    }
    const changed = scopesChanged({ hash });
    expect(parseKeyEvent(changed.type, changed.data, V1)).toEqual({ outcome: 'unknown', reason: 'data' });
  });

  it.each([hashNo(1), legacyHashNo(1), legacyHashNo(1, 999_999_999), legacy('another%salt,=')])(
    'takes %s for a hash',
    (hash) => {
      expect(parseKeyEvent('KeyCreated', created({ hash }).data, V1).outcome).toBe('event');
    },
  );

  it.each([
    { userId: '' },
    { userId: 'x'.repeat(129) },
    { keyId: 'x'.repeat(129) },
    { keyId: '\udfff' },
    { scopes: ['x'.repeat(65)] },
    { scopes: ['\ud800'] },
    { scopes: Array.from({ length: 257 }, () => '*') },
  ])('does not understand what is beyond the bounds of the contracts: %p', (beyond) => {
    const parsed = parseKeyEvent('KeyCreated', created(beyond).data, V1);
    expect(parsed).toEqual({ outcome: 'unknown', reason: 'data' });
  });

  it('takes for a time in UTC what is one on the calendar, leap years and all', () => {
    const digits = (below: number) => fc.nat({ max: below }).map((number) => String(number).padStart(2, '0'));
    const year = fc.oneof(fc.nat({ max: 9_999 }), fc.constantFrom(0, 1900, 2000, 2023, 2024, 2100)).map(String);
    fc.assert(
      fc.property(
        year,
        digits(13),
        digits(32),
        digits(25),
        digits(61),
        digits(61),
        fc.nat(999),
        (y, m, d, h, i, s, ms) => {
          const second = `${y.padStart(4, '0')}-${m}-${d}T${h}:${i}:${s}`;
          const at = ms === 0 ? `${second}Z` : `${second}.${ms}Z`;
          // What JavaScript makes of it: nothing, or another time where it is none on the calendar.
          const made = Date.parse(at);
          const isTime = !Number.isNaN(made) && new Date(made).toISOString().startsWith(second);
          const parsed = parseKeyEvent('UserDeleted', { userId: 'ann', at }, V1);
          expect({ at, outcome: parsed.outcome }).toEqual({ at, outcome: isTime ? 'event' : 'unknown' });
        },
      ),
      { numRuns: scaled(5_000) },
    );
  });

  it('drops what it does not know of an event that it knows', () => {
    const data = JSON.parse('{"userId":"ann","at":"2026-03-01T08:00:00Z","more":1,"__proto__":{"evil":1}}') as unknown;
    const parsed = parseKeyEvent('UserDeleted', data, V1);
    expect(parsed).toStrictEqual({
      outcome: 'event',
      event: { type: 'UserDeleted', data: { userId: 'ann', at: '2026-03-01T08:00:00Z' } },
    });
  });

  it.each(['KeyExploded', 'keyCreated', '', '$metadata', '__proto__', 'constructor', 'toString'])(
    'does not know the type %p',
    (type) => {
      expect(parseKeyEvent(type, created().data, V1)).toEqual({ outcome: 'unknown', reason: 'type' });
    },
  );

  it.each([undefined, null, {}, [], 'x', { schemaVersion: '1' }, { schemaVersion: 0 }, { schemaVersion: 1.5 }])(
    'does not guess the version where the metadata are %p',
    (metadata) => {
      expect(parseKeyEvent('KeyCreated', created().data, metadata)).toEqual({ outcome: 'unknown', reason: 'version' });
    },
  );

  it('does not read a version newer than this code', () => {
    const newer = parseKeyEvent('KeyCreated', created().data, { schemaVersion: 2 });
    expect(newer).toEqual({ outcome: 'unknown', reason: 'version' });
  });

  it('remembers a command only where both its id and its digest are there', () => {
    const parsed = parseKeyEvent('UserDeleted', userDeleted().data, { ...V1, commandId: 'c1', digest: 5 });
    expect(parsed).toStrictEqual({ outcome: 'event', event: userDeleted() });
  });

  it('never throws, whatever is stored', () => {
    const type = fc.oneof(fc.constantFrom(...KEY_EVENT_TYPES), fc.string());
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom('2026-03-01T08:00:00Z', ['*'], null, 'x'));
    const names = ['userId', 'keyId', 'label', 'description', 'scopes', 'hash', 'oldHash', 'newHash', 'mask', 'at'];
    const likely = fc.record(Object.fromEntries(names.map((name) => [name, field])), { requiredKeys: [] });
    const data = fc.oneof(fc.jsonValue(), likely, fc.anything());
    const metadata = fc.oneof(fc.constant(V1), fc.jsonValue(), fc.anything());
    fc.assert(
      fc.property(type, data, metadata, (...read) => {
        expect(['event', 'unknown']).toContain(parseKeyEvent(...read).outcome);
      }),
      { numRuns: scaled(5000) },
    );
  });
});

describe('old versions', () => {
  /** As if labels had been called names at first, and descriptions had come with version 3. */
  const upcasters: Upcasters = {
    KeyRelabelled: [({ name, ...rest }) => ({ ...rest, label: name }), (data) => ({ ...data, description: null })],
  };
  const { userId, keyId, at } = relabelled().data;
  const current = relabelled({ description: null });

  it.each([
    [1, { userId, keyId, at, name: 'Nightly CI' }],
    [2, { userId, keyId, at, label: 'Nightly CI' }],
    [3, { userId, keyId, at, label: 'Nightly CI', description: null }],
  ])('are lifted step by step to the present one: version %i', (schemaVersion, data) => {
    const parsed = parseKeyEvent('KeyRelabelled', data, { schemaVersion }, upcasters);
    expect(parsed).toEqual({ outcome: 'event', event: current });
  });

  it('leave the other types alone', () => {
    const parsed = parseKeyEvent('KeyDeleted', keyDeleted().data, V1, upcasters);
    expect(parsed).toEqual({ outcome: 'event', event: keyDeleted() });
  });

  it('are checked after the lift, and a lift that fails is not the end of a fold', () => {
    const fails: Upcasters = {
      KeyRelabelled: [
        () => {
          throw new Error('no such field');
        },
      ],
    };
    const unknown = { outcome: 'unknown', reason: 'data' };
    expect(parseKeyEvent('KeyRelabelled', { userId, keyId, at, name: 5 }, V1, upcasters)).toEqual(unknown);
    expect(parseKeyEvent('KeyRelabelled', current.data, V1, fails)).toEqual(unknown);
  });
});

describe('a fold and a projection', () => {
  it('never throw, whatever the sequence of events', () => {
    const word = fc.constantFrom('a', 'b', '__proto__', 'constructor', '', 'pbkdf2_sha256$1$s$x');
    const scopes = fc.array(word, { maxLength: 3 });
    const times = fc.constantFrom('2026-03-01T08:00:00Z', '2026-03-01T08:00:00.000Z');
    const data = fc.record({
      ...{ userId: word, keyId: word, label: word, description: fc.option(word), scopes },
      ...{ hash: word, oldHash: word, newHash: word, mask: word, at: times },
    });
    const memory = fc.record({ commandId: word, digest: word }, { requiredKeys: [] });
    const events = fc.array(fc.tuple(fc.constantFrom(...KEY_EVENT_TYPES), data, memory), { maxLength: 60 });
    fc.assert(
      fc.property(events, (sequence) => {
        let user = noKeys();
        sequence.forEach(([type, fields, { commandId, digest }], index) => {
          const event = { type, data: fields } as KeyEvent;
          const known = commandId === undefined || digest === undefined ? {} : { commandId, digest };
          user = evolve(user, stored(event, { ...known, position: BigInt(index) }));
          expect(projectKey(event).length).toBeLessThan(3);
        });
        expect(listKeys(user)).toHaveLength(user.keys.size);
      }),
      { numRuns: scaled(2000) },
    );
  });
});
