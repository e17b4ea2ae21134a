import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isLoopbackHost } from './loopback.ts';

const octet = fc.integer({ min: 0, max: 255 });
const port = fc.integer({ min: 0, max: 65_535 });

describe('isLoopbackHost', () => {
  it.each([
    ['127.0.0.1'],
    ['127.0.0.1:8080'],
    ['127.255.255.254'],
    ['localhost'],
    ['LocalHost:80'],
    ['::1'],
    ['[::1]'],
    ['[::1]:8080'],
    ['0:0:0:0:0:0:0:1'],
    ['[0000:0000:0000:0000:0000:0000:0000:0001]:1'],
    ['::ffff:127.0.0.1'],
    ['[::FFFF:7F00:1]:443'],
  ])('takes %s for this machine', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  it.each([
    [undefined],
    [''],
    [' '],
    [':80'],
    ['0.0.0.0'],
    ['::'],
    ['[::]:80'],
    ['::ffff:0.0.0.0'],
    ['::ffff:10.0.0.1'],
    ['128.0.0.1'],
    ['126.255.255.255'],
    ['::2'],
    ['::1:8080'],
    ['fe80::1'],
    ['::1%lo'],
    ['[::1%25lo]'],
    ['[127.0.0.1]'],
    ['[localhost]'],
    ['[::1'],
    ['::1]'],
    ['[::1]:80:80'],
    ['[::1]x'],
    ['127.0.0.1.evil.com'],
    ['localhost.evil.com'],
    ['evil.localhost'],
    ['evil.com:127.0.0.1'],
    ['evil.com/127.0.0.1'],
    ['127.0.0.1@evil.com'],
    ['127.0.0.1.'],
    ['localhost.'],
    ['localhost:'],
    ['localhost:80a'],
    ['localhost:80:80'],
    ['localhost:123456'],
    ['127.0.0.1\n'],
    [' 127.0.0.1'],
    ['localhost\r\nHost: evil.com'],
    ['localhost\0'],
    ['127.1'],
    ['0x7f.0.0.1'],
    ['0177.0.0.1'],
    ['2130706433'],
    ['127.0.0.01'],
    ['127.0.0.1, evil.com'],
    ['locaſhost'],
    ['１27.0.0.1'],
  ])('does not take %j for this machine', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });

  it('knows the whole of 127.0.0.0/8 and nothing beside it, with a port and without, mapped and bare', () => {
    fc.assert(
      fc.property(fc.tuple(octet, octet, octet, octet), port, ([a, b, c, d], p) => {
        const address = [a, b, c, d].join('.');
        for (const form of [address, `${address}:${p}`, `::ffff:${address}`, `[::ffff:${address}]:${p}`]) {
          expect(isLoopbackHost(form)).toBe(a === 127);
        }
      }),
      { examples: [[[127, 0, 0, 1], 80]] },
    );
    fc.assert(fc.property(octet, octet, octet, port, (b, c, d, p) => isLoopbackHost(`127.${b}.${c}.${d}:${p}`)));
  });

  it('takes no other IPv6 address', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const isOne = new URL(`http://[${address}]`).hostname === '[::1]';
        const mapped = /^\[::ffff:7f[0-9a-f]{2}:/.test(new URL(`http://[${address}]`).hostname);
        return isLoopbackHost(`[${address}]:1`) === (isOne || mapped);
      }),
      { examples: [['::1'], ['0::1'], ['::ffff:127.9.9.9']] },
    );
  });

  it('is never fooled by something put before or after a loopback address', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('127.0.0.1', 'localhost', '[::1]'),
        fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !/^:[0-9]{1,5}$/.test(text)),
        (host, extra) => {
          // What is left can only be longer: another label, a letter, a separator. (A digit may complete an octet.)
          fc.pre(!/^[0-9]+(?::[0-9]{1,5})?$/.test(extra));
          return !isLoopbackHost(host + extra) && !isLoopbackHost(extra + host);
        },
      ),
    );
  });
});
