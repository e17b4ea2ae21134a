import { describe, expect, it } from '@jest/globals';
import { checkListenAddress, UnsafeListenAddress } from './listen-policy.ts';

const tls = { certificate: Buffer.from('c'), key: Buffer.from('k') };

describe('an address to listen on', () => {
  it.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost'])('needs nothing on loopback: %s', (host) => {
    expect(() => checkListenAddress({ host })).not.toThrow();
  });

  it.each(['0.0.0.0', '::', '192.168.1.1', 'example.org', '127.0.0.1.example.org', '::ffff:127.0.0.1', ''])(
    'needs TLS and a password anywhere else: %s',
    (host) => {
      expect(() => checkListenAddress({ host })).toThrow(UnsafeListenAddress);
      expect(() => checkListenAddress({ host, tls })).toThrow(UnsafeListenAddress);
      expect(() => checkListenAddress({ host, tls, password: '' })).toThrow(UnsafeListenAddress);
      expect(() => checkListenAddress({ host, password: 'p' })).toThrow(UnsafeListenAddress);
      expect(() => checkListenAddress({ host, tls, password: 'p' })).not.toThrow();
    },
  );

  it('takes no password without TLS, which clients would not send', () => {
    expect(() => checkListenAddress({ host: '127.0.0.1', password: 'p' })).toThrow(/needs TLS/);
  });
});
