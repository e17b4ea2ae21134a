import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { loadSettings, SettingsError } from '#runtime/settings';
import { aFolder } from '#testing/folders';
import { kafkaConnection, kafkaFields, kafkaRules } from './settings.ts';

const OPENSSL = 'openssl';
const schema = z.object(kafkaFields).check(kafkaRules);
const LOCAL = { KAFKA_BROKERS: 'localhost:9092,127.0.0.1:9093,[::1]:9094' };
const AWAY = { KAFKA_BROKERS: '127.0.0.1:9092,kafka.example:9092' };
const NAMED = { KAFKA_SASL_USERNAME: 'latchkey.command', KAFKA_SASL_PASSWORD: 'the password of the tests' };

const connection = (env: Record<string, string>) => kafkaConnection(loadSettings(schema, env), 'command');

/** By setting: what it must be. */
function problems(env: Record<string, string>): Record<string, string> {
  try {
    loadSettings(schema, env);
  } catch (error) {
    if (error instanceof SettingsError) return Object.fromEntries(error.problems);
    throw error;
  }
  return {};
}

describe('the settings of Kafka', () => {
  const folder = aFolder('kafka-settings');
  const pem = join(folder, 'ca.pem');
  afterAll(() => rmSync(folder, { recursive: true }));

  it('lead to plain text and no name by themselves', () => {
    expect(connection(AWAY)).toEqual({ brokers: AWAY.KAFKA_BROKERS.split(','), clientId: 'latchkey.command' });
  });

  it('take a name and its password, over TLS or on this machine', () => {
    const sasl = { mechanism: 'scram-sha-512', username: 'latchkey.command', password: 'the password of the tests' };
    expect(connection({ ...LOCAL, ...NAMED })).toMatchObject({ sasl });
    expect(connection({ ...AWAY, ...NAMED, KAFKA_TLS: '1' })).toMatchObject({ sasl, ssl: true });
    for (const mechanism of ['plain', 'scram-sha-256'])
      expect(connection({ ...LOCAL, ...NAMED, KAFKA_SASL_MECHANISM: mechanism })).toMatchObject({
        sasl: { mechanism },
      });
  });

  it.each(['scram-sha-512', 'scram-sha-256', 'plain'])(
    'send no password over a network in plain text: %s',
    (mechanism) => {
      expect(problems({ ...AWAY, ...NAMED, KAFKA_SASL_MECHANISM: mechanism })).toEqual({
        KAFKA_TLS: 'is not set; must be set where KAFKA_SASL_USERNAME is and a broker is not on this machine',
      });
    },
  );

  it('take no name without a password, no password without a name, and say so together', () => {
    const { KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD } = NAMED;
    expect(Object.keys(problems({ ...LOCAL, KAFKA_SASL_USERNAME }))).toEqual(['KAFKA_SASL_PASSWORD']);
    expect(Object.keys(problems({ ...AWAY, KAFKA_SASL_PASSWORD }))).toEqual(['KAFKA_SASL_USERNAME', 'KAFKA_TLS']);
  });

  it('know three mechanisms', () => {
    expect(problems({ ...LOCAL, KAFKA_SASL_MECHANISM: 'gssapi' })).toEqual({
      KAFKA_SASL_MECHANISM: 'must be one of scram-sha-512, scram-sha-256, plain',
    });
  });

  it('take the CAs of a file, all of them or none', () => {
    const made = spawnSync(OPENSSL, [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
      ...['-keyout', join(folder, 'key.pem'), '-out', pem, '-subj', '/CN=a'],
    ]);
    // Where there is no openssl, the file is refused, as it should be then.
    if (made.status !== 0) writeFileSync(pem, '');
    const taken = made.status === 0 ? {} : { KAFKA_TLS: expect.any(String) as unknown };
    expect(problems({ ...AWAY, KAFKA_TLS: pem })).toEqual(taken);
  });

  it.each([
    ['is not there', undefined],
    ['is empty', ''],
    ['holds a certificate that can’t be read', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
  ])('refuse a file of CAs that %s, and do not tell its name', (_, text) => {
    const path = join(text === undefined ? tmpdir() : folder, `refused-${String(text?.length)}.pem`);
    if (text !== undefined) writeFileSync(path, text);
    const told = problems({ ...AWAY, KAFKA_TLS: path });
    expect(told['KAFKA_TLS']).toMatch(/^must be 1, or the path of a PEM file/);
    expect(told['KAFKA_TLS']).not.toContain('refused');
  });
});
