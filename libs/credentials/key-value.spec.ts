import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { scaled } from '#testing/scale';
import { ENTROPY_BYTES, MAX_VALUE_BYTES, mintKeyValue, shapeOf } from './key-value.ts';
import { Secret } from './secret.ts';

const entropy = fc.uint8Array({ minLength: ENTROPY_BYTES, maxLength: ENTROPY_BYTES });
const prefix = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,15}$/);

describe('a minted key value', () => {
  it('has the documented form', () => {
    expect(mintKeyValue().reveal()).toMatch(/^lkp_[0-9A-Za-z]{49}$/);
    expect(mintKeyValue('acme').reveal()).toMatch(/^acme_[0-9A-Za-z]{49}$/);
  });

  it('is recognised as our own, and fits the limit, whatever the entropy and prefix', () => {
    fc.assert(
      fc.property(entropy, prefix, (bytes, own) => {
        const value = mintKeyValue(own, bytes);
        expect(shapeOf(value, own)).toBe('own');
        expect(value.reveal().length).toBeLessThan(MAX_VALUE_BYTES);
      }),
      { numRuns: scaled(3000) },
    );
  });

  it('holds all 256 bits: they can be read back', () => {
    fc.assert(
      fc.property(entropy, (bytes) => {
        expect(bitsOf(mintKeyValue('lkp', bytes).reveal())).toBe(BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
      }),
      { numRuns: scaled(3000) },
    );
  });

  it('comes from fresh randomness each time, with every bit in play', () => {
    const values = Array.from({ length: 200 }, () => mintKeyValue().reveal());
    expect(new Set(values).size).toBe(200);
    const numbers = values.map(bitsOf);
    const ever = numbers.reduce((all, each) => all | each, 0n);
    const always = numbers.reduce((all, each) => all & each, 2n ** 256n - 1n);
    expect([ever, always]).toEqual([2n ** 256n - 1n, 0n]);
  });

  it.each(['', 'l kp', 'lkp_', '9lkp', 'ключ', 'a'.repeat(17)])('is not made with the prefix %p', (bad) => {
    expect(() => mintKeyValue(bad)).toThrow(RangeError);
  });

  it.each([0, 16, 31, 33])('is not made of %i bytes', (length) => {
    expect(() => mintKeyValue('lkp', new Uint8Array(length))).toThrow(RangeError);
  });
});

describe('the shape of a value', () => {
  const good = mintKeyValue('lkp', new Uint8Array(ENTROPY_BYTES).fill(7)).reveal();

  it('catches every single wrong character and every swap of neighbours', () => {
    for (let at = 4; at < good.length; at++) {
      for (const wrong of ['0', 'z', 'Q']) {
        if (good[at] === wrong) continue;
        expect(shape(good.slice(0, at) + wrong + good.slice(at + 1))).toBe('malformed');
      }
      const [one, other] = [good[at]!, good[at + 1]];
      if (other === undefined || one === other) continue;
      expect(shape(good.slice(0, at) + other + one + good.slice(at + 2))).toBe('malformed');
    }
  });

  it.each([
    ['one character less', good.slice(0, -1)],
    ['one character more', `${good}0`],
    ['the prefix alone', 'lkp_'],
    ['a digit outside of base62', good.replace(/.$/, '-')],
    ['a blank behind', `${good} `],
    ['a blank before', ` ${good}`],
    ['a line break behind', `${good}\n`],
    ['a NUL behind', `${good}\0`],
    ['a zero-width space inside', good.replace('_', '_\u200b')],
    ['full-width letters', good.replace('lkp', 'ｌｋｐ')],
    ['a lone surrogate', '\ud800'],
    ['nothing', ''],
    ['129 characters', 'x'.repeat(129)],
  ])('is malformed for %s', (_, text) => {
    expect(shape(text)).toBe('malformed');
  });

  it("is malformed for the digits of another prefix's value", () => {
    const theirs = mintKeyValue('acme', new Uint8Array(ENTROPY_BYTES).fill(7)).reveal();
    expect(shape(theirs.replace('acme_', 'lkp_'))).toBe('malformed');
  });

  it.each([
    'phx_123456abcd',
    'test_key_12345',
    'lkp',
    'LKP_x',
    'lkpx_1',
    'x',
    good.replace('lkp', 'acme'),
    'x'.repeat(128),
  ])('is foreign for %p', (text) => {
    expect(shape(text)).toBe('foreign');
  });

  it('follows the configured prefix', () => {
    expect(shapeOf(new Secret(good), 'acme')).toBe('foreign');
    expect(shapeOf(new Secret('acme_x'), 'acme')).toBe('malformed');
  });

  it('is decided for every text', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string().map((text) => `lkp_${text}`),
    );
    fc.assert(
      fc.property(anything, (text) => {
        expect(shape(text)).not.toBe('own');
      }),
      { numRuns: scaled(2000) },
    );
  });
});

describe('docs/key-values.md', () => {
  const text = readFileSync(new URL('../../docs/key-values.md', import.meta.url), 'utf8');
  const vectors = [...text.matchAll(/^\| `([0-9a-f]{64})` *\| `(\w+)` *\| `(\w+)` *\|$/gm)];
  const refused = [...text.matchAll(/^\| `(lkp_\w+)` *\| (.+?) *\|$/gm)];

  it.each(vectors.map(([, hex, own, value]) => [own!, value!, hex!]))(
    'gives the value of %s: %s',
    (own, value, hex) => {
      expect(mintKeyValue(own, Buffer.from(hex, 'hex')).reveal()).toBe(value);
      expect(shapeOf(new Secret(value), own)).toBe('own');
    },
  );

  it.each(refused.map(([, value, why]) => [why!, value!]))('gives a value that is malformed: %s', (_, value) => {
    expect(shape(value)).toBe('malformed');
  });

  it('has vectors of both kinds', () => {
    expect([vectors.length, refused.length]).toEqual([4, 3]);
  });
});

function shape(text: string): string {
  return shapeOf(new Secret(text), 'lkp');
}

/** Written again rather than borrowed: what it checks is the code that writes these digits. */
function bitsOf(value: string): bigint {
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const digits = value.slice(value.indexOf('_') + 1, -6);
  return Array.from(digits).reduce((number, digit) => number * 62n + BigInt(alphabet.indexOf(digit)), 0n);
}
