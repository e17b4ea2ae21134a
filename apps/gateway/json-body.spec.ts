import { describe, expect, it } from '@jest/globals';
import { parseJsonBody, refuseOtherBody } from './json-body.ts';

const bytes = (text: string) => Buffer.from(text, 'utf8');
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

describe('a JSON body', () => {
  it('is parsed; nothing is no body', () => {
    expect(parseJsonBody(bytes('{"label":"CI"}'))).toEqual({ label: 'CI' });
    expect(parseJsonBody(bytes(''))).toBeUndefined();
  });

  it.each([
    ['bad JSON', bytes('{"label":')],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['UTF-16', Buffer.from('{}', 'utf16le')],
    ['__proto__', bytes('{"a":[{"__proto__":{}}]}')],
    ['__proto__ in escapes', bytes('{"\\u005f_proto__":{}}')],
    ['constructor.prototype', bytes('{"constructor":{"prototype":{}}}')],
    ['17 levels', bytes(nested(17))],
    ['30,000 levels', bytes(nested(30_000))],
  ])('is refused with %s, without a word of it', (_, body) => {
    expect(() => parseJsonBody(body)).toThrow(expect.objectContaining({ status: 400, message: 'JSON parse error.' }));
  });

  it('may be nested sixteen levels deep, and have a field called constructor', () => {
    expect(parseJsonBody(bytes(nested(16)))).toBeDefined();
    expect(parseJsonBody(bytes('{"constructor":"x"}'))).toBeDefined();
  });
});

describe('a body of another media type', () => {
  it('is refused unless there is nothing in it', () => {
    expect(() => refuseOtherBody(bytes(''))).not.toThrow();
    expect(() => refuseOtherBody(bytes('a=1'))).toThrow(expect.objectContaining({ status: 415 }));
  });
});
