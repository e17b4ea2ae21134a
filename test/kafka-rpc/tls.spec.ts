import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { aFolder } from '#testing/folders';
import { LatchkeyCommand } from '#testing/latchkey-command';
import { requires } from '#testing/requires';
import { NativeServer } from '#testing/servers/native-server';
import { SecureKafka, secureKafkaServer } from '#testing/secure-kafka';

const OPENSSL = 'openssl';
const opensslIsThere = {
  name: OPENSSL,
  missing: () => (spawnSync(OPENSSL, ['version']).status === 0 ? undefined : 'no such command'),
};

/** @returns the path of a file with a key and its certificate, for this machine */
function aPem(folder: string, name: string): string {
  const [key, certificate, both] = ['key', 'certificate', 'both'].map((part) => join(folder, `${name}-${part}.pem`));
  const { status } = spawnSync(OPENSSL, [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-keyout', key!, '-out', certificate!],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
  ]);
  expect(status).toBe(0);
  writeFileSync(both!, readFileSync(key!, 'utf8') + readFileSync(certificate!, 'utf8'), { mode: 0o600 });
  return both!;
}

requires(secureKafkaServer, opensslIsThere)('a Kafka whose listener is TLS', () => {
  const folder = aFolder('kafka-tls');
  let kafka: SecureKafka;
  let settings: Record<string, string>;
  const topics = (more: Record<string, string>) => LatchkeyCommand.run(['topics'], { ...settings, ...more });

  beforeAll(async () => {
    kafka = await SecureKafka.start({ users: [], pem: aPem(folder, 'own') });
    settings = kafka.settings('admin');
  });
  afterAll(async () => {
    await kafka.stop();
    rmSync(folder, { recursive: true });
  });

  it('is spoken to by who trusts its certificate', async () => {
    expect(await topics({})).toMatchObject({ code: 0, stderr: '' });
  });

  it.each([
    ['the system’s CAs', () => '1'],
    ['another CA', () => aPem(folder, 'other')],
  ])('is refused by who trusts %s, before it has any password', async (_, tls) => {
    const { code, stderr } = await topics({ KAFKA_TLS: tls() });
    expect(code).toBe(2);
    expect(stderr).toMatch(/its certificate is not trusted \(\w+\): KAFKA_TLS must name the CA/);
  });

  it('does not open to everybody because an option was forgotten', async () => {
    await expect(NativeServer.start('kafka.mjs', kafka.dataDir)).rejects.toThrow('was made with --users admin');
  });

  it('hangs up on who speaks no TLS, which is told', async () => {
    const { code, stderr } = await topics({ KAFKA_TLS: '' });
    expect(code).toBe(2);
    expect(stderr).toContain('its listener may want another KAFKA_TLS');
  });
});
