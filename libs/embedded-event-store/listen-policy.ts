import { isIP } from 'node:net';

/** PEM text: the certificate chain and its private key. */
export interface TlsFiles {
  readonly certificate: Buffer;
  readonly key: Buffer;
}

export interface ListenOptions {
  readonly host: string;
  readonly tls?: TlsFiles | undefined;
  readonly password?: string | undefined;
}

/** The store would be open to others than it may be. */
export class UnsafeListenAddress extends Error {
  override readonly name = 'UnsafeListenAddress';
}

/**
 * Loopback trusts every local user. Any other address needs TLS and a password. A password without TLS protects nothing:
 * the client silently leaves credentials out of unencrypted connections.
 * @throws {UnsafeListenAddress}
 */
export function checkListenAddress({ host, tls, password }: ListenOptions): void {
  const hasPassword = password !== undefined && password !== '';
  if (hasPassword && tls === undefined) {
    throw new UnsafeListenAddress('A password needs TLS (a certificate and its key): clients send none without it.');
  }
  if (!isLoopback(host) && (tls === undefined || !hasPassword)) {
    throw new UnsafeListenAddress(
      `The event store listens on ${host} only with TLS (a certificate and its key) and a password. On this machine alone, use 127.0.0.1.`,
    );
  }
}

function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === '::1' || host === 'localhost';
}
