import { inspect, format, types } from 'node:util';
import { serialize } from 'node:v8';
import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Secret } from './secret.ts';

const TEXT = 'lkp_do-not-print-me';
const secret = new Secret(TEXT);

/** Everything that somebody who does not mean to could do with a secret; each gives what would be seen. */
const WAYS: Record<string, (value: Secret) => unknown> = {
  'String()': String,
  'a template': (value) => `<${value as unknown as string}>`,
  concatenation: (value) => 'key: ' + (value as unknown as string),
  'Array.join': (value) => [value as unknown as string].join(),
  'JSON.stringify': (value) => JSON.stringify({ value, list: [value] }),
  'toLocaleString()': (value) => value.toLocaleString(),
  'valueOf()': (value) => inspect(value.valueOf()),
  'util.inspect': (value) => inspect({ value }, { depth: null, showHidden: true, getters: true }),
  'util.inspect without custom inspection': (value) => inspect(value, { customInspect: false, showHidden: true }),
  'util.format': (value) => format('%s %o %O %j %d %i', value, value, value, value, value, value),
  spreading: (value) => inspect({ ...(value as object) }),
  'Object.entries': (value) => inspect([Object.entries(value), Reflect.ownKeys(value)]),
  structuredClone: (value) => inspect(structuredClone(value)),
  'v8.serialize': (value) => serialize(value).toString('latin1'),
  'an error message': (value) => inspect(new Error(`bad key ${value as unknown as string}`, { cause: value })),
  pino: (value) => {
    const lines: string[] = [];
    const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    log.info(value, 'as the object');
    log.info({ value, nested: { value } }, 'inside');
    log.info('%s %o %j', value, value, value);
    log.child({ value }).error(Object.assign(new Error('bad'), { value }));
    return lines.join('');
  },
};

describe('Secret', () => {
  it.each(Object.keys(WAYS))('does not show itself through %s', (way) => {
    expect(WAYS[way]!(secret)).not.toContain(TEXT);
  });

  it('would be seen in each of these ways if it were plain text in an object', () => {
    const shown = Object.keys(WAYS).filter((way) =>
      String(WAYS[way]!(new Plain(TEXT) as unknown as Secret)).includes(TEXT),
    );
    expect(shown).toEqual(Object.keys(WAYS));
  });

  it('says that something is hidden', () => {
    expect([`<${secret as unknown as string}>`, JSON.stringify(secret), inspect(secret)]).toEqual([
      '<[secret]>',
      '"[secret]"',
      '[secret]',
    ]);
  });

  it('gives its text to whoever asks for it by name, and cannot be changed', () => {
    expect(secret.reveal()).toBe(TEXT);
    expect(Object.isFrozen(secret) && !types.isProxy(secret)).toBe(true);
  });
});

/** The same without the defence. */
class Plain {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }
}
