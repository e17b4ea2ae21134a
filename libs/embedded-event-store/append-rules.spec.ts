import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideAppend, type Expected, type StreamView } from './append-rules.ts';

const stream = (given: Partial<StreamView> & { ids?: readonly string[] } = {}): StreamView => {
  const { ids = [], ...rest } = given;
  return {
    last: ids.length - 1,
    tombstoned: false,
    softDeleted: false,
    hasMetadata: false,
    idAt: (revision) => ids[revision],
    rememberedRevision: (id) => (ids.includes(id) ? ids.lastIndexOf(id) : undefined),
    ...rest,
  };
};

describe('an append that expects a revision', () => {
  it('is written after exactly that revision', () => {
    expect(decideAppend(stream({ ids: ['a', 'b'] }), 1n, ['c'])).toEqual({
      outcome: 'write',
      first: 2,
      recreates: false,
    });
    expect(decideAppend(stream(), 'no_stream', ['a'])).toEqual({ outcome: 'write', first: 0, recreates: false });
  });

  it('is refused beyond the last revision', () => {
    expect(decideAppend(stream({ ids: ['a'] }), 1n, ['b'])).toEqual({ outcome: 'wrong-version', last: 0 });
  });

  it('is recognised when it comes again, from what is stored and not from memory', () => {
    const forgetful = stream({ ids: ['a', 'b', 'c'], rememberedRevision: () => undefined });
    expect(decideAppend(forgetful, 0n, ['b', 'c'])).toEqual({ outcome: 'repeated', revision: 2 });
    expect(decideAppend(forgetful, 'no_stream', ['a'])).toEqual({ outcome: 'repeated', revision: 0 });
  });

  it('is refused when it repeats only a beginning, or something else', () => {
    const abc = stream({ ids: ['a', 'b', 'c'] });
    expect(decideAppend(abc, 0n, ['b', 'x'])).toEqual({ outcome: 'wrong-version', last: 2 });
    expect(decideAppend(abc, 1n, ['c', 'd'])).toEqual({ outcome: 'wrong-version', last: 2 });
    expect(decideAppend(abc, 0n, ['a'])).toEqual({ outcome: 'wrong-version', last: 2 });
    expect(decideAppend(abc, 0n, [])).toEqual({ outcome: 'wrong-version', last: 2 });
  });
});

describe('an append that expects any revision, or only a stream', () => {
  it('is written when its first id is new, whatever the others are', () => {
    expect(decideAppend(stream({ ids: ['a'] }), 'any', ['b', 'a'])).toMatchObject({ outcome: 'write', first: 1 });
  });

  it('is recognised when every id is known, at the revision of its last', () => {
    expect(decideAppend(stream({ ids: ['a', 'b', 'c'] }), 'any', ['a', 'b'])).toEqual({
      outcome: 'repeated',
      revision: 1,
    });
  });

  it('is refused when only a beginning is known', () => {
    expect(decideAppend(stream({ ids: ['a'] }), 'any', ['a', 'b'])).toEqual({ outcome: 'wrong-version', last: 0 });
  });

  it('finds a stream that has only metadata, but none that was never there or was deleted', () => {
    expect(decideAppend(stream({ hasMetadata: true }), 'stream_exists', ['a'])).toMatchObject({ outcome: 'write' });
    expect(decideAppend(stream(), 'stream_exists', ['a'])).toEqual({ outcome: 'wrong-version', last: -1 });
    expect(decideAppend(stream({ ids: ['a'], softDeleted: true }), 'stream_exists', ['b'])).toEqual({
      outcome: 'deleted',
    });
  });
});

describe('a deleted stream', () => {
  it('takes a first append when it was deleted softly, and goes on numbering', () => {
    const deleted = stream({ ids: ['a', 'b'], softDeleted: true });
    expect(decideAppend(deleted, 'no_stream', ['c'])).toEqual({ outcome: 'write', first: 2, recreates: true });
    expect(decideAppend(deleted, 'any', ['c'])).toEqual({ outcome: 'write', first: 2, recreates: true });
    expect(decideAppend(deleted, 1n, ['c'])).toEqual({ outcome: 'write', first: 2, recreates: true });
    expect(decideAppend(deleted, 0n, ['c'])).toEqual({ outcome: 'wrong-version', last: 1 });
  });

  it('takes nothing more after a tombstone, whatever is expected', () => {
    for (const expected of ['any', 'no_stream', 'stream_exists', 0n] as const) {
      expect(decideAppend(stream({ tombstoned: true, last: -1 }), expected, ['a'])).toEqual({ outcome: 'deleted' });
    }
  });
});

describe('any series of appends', () => {
  const anId = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const anAppend = fc.record({
    expected: fc.oneof(fc.constantFrom<Expected>('any', 'no_stream', 'stream_exists'), fc.bigInt({ min: 0n, max: 8n })),
    ids: fc.array(anId, { maxLength: 3 }),
  });

  it('leaves the stream that a list with plain rules leaves', () => {
    fc.assert(
      fc.property(fc.array(anAppend, { maxLength: 12 }), (appends) => {
        const stored: string[] = [];
        for (const { expected, ids } of appends) {
          const decision = decideAppend(stream({ ids: stored }), expected, ids);
          expect(decision).toEqual(naively(stored, expected, ids));
          if (decision.outcome === 'write') stored.push(...ids);
        }
      }),
      { numRuns: 500 },
    );
  });

  /** The rules told as cases over a plain list. */
  function naively(stored: readonly string[], expected: Expected, ids: readonly string[]) {
    const wrong = { outcome: 'wrong-version', last: stored.length - 1 };
    const written = { outcome: 'write', first: stored.length, recreates: false };
    if (expected === 'any' || expected === 'stream_exists') {
      if (expected === 'stream_exists' && stored.length === 0) return wrong;
      if (ids.length === 0 || !stored.includes(ids[0]!)) return written;
      if (!ids.every((id) => stored.includes(id))) return wrong;
      return { outcome: 'repeated', revision: stored.lastIndexOf(ids.at(-1)!) };
    }
    const count = expected === 'no_stream' ? 0 : Number(expected) + 1;
    if (count === stored.length) return written;
    if (count > stored.length || ids.length === 0) return wrong;
    const there = stored.slice(count, count + ids.length);
    return JSON.stringify(there) === JSON.stringify(ids)
      ? { outcome: 'repeated', revision: count + ids.length - 1 }
      : wrong;
  }
});
