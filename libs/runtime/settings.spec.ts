import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { folder, host, loadSettings, logLevel, port, SettingsError, wholeNumber } from './settings.ts';

const schema = z.object({
  HOST: host.default('127.0.0.1'),
  PORT: port.default(8080),
  LEVEL: logLevel.default('info'),
  FOLDER: folder.optional(),
  SHARDS: wholeNumber(1, 64).default(1),
  PASSWORD: z.string('must be a password').min(24, 'must be at least 24 characters'),
  MODE: z.enum(['a', 'b'], 'must be a or b'),
});
const good = { PASSWORD: 'x'.repeat(24), MODE: 'a' };

function problemsOf(env: NodeJS.ProcessEnv, of: z.ZodObject = schema): SettingsError {
  try {
    loadSettings(of, env);
  } catch (error) {
    if (error instanceof SettingsError) return error;
    throw error;
  }
  throw new Error('The settings were accepted');
}

describe('loadSettings', () => {
  it('parses what is set and fills in the rest', () => {
    expect(loadSettings(schema, { ...good, PORT: '0', LEVEL: 'debug', OTHER: 'ignored' })).toEqual({
      ...{ HOST: '127.0.0.1', PORT: 0, LEVEL: 'debug', SHARDS: 1 },
      ...good,
    });
  });

  it('takes a variable that is set to nothing as unset', () => {
    expect(loadSettings(schema, { ...good, PORT: '', FOLDER: '' })).toMatchObject({ PORT: 8080 });
    expect(problemsOf({ ...good, MODE: '' }).message).toContain('MODE: is not set; must be a or b');
  });

  it('names every bad variable and what it must be, and no value of any', () => {
    const env = {
      HOST: 'secret one',
      PORT: 'secret-two',
      LEVEL: 'secret-three',
      FOLDER: 'secret\0four',
      SHARDS: '65',
      PASSWORD: 'secret-five',
      MODE: 'secret-six',
    };
    const { message, problems } = problemsOf(env);
    expect([...problems.keys()].sort()).toEqual(Object.keys(schema.shape).sort());
    for (const problem of problems.values()) expect(problem).toMatch(/^must be /);
    for (const name of problems.keys()) expect(message).toContain(`${name}: must be`);
    expect(message).not.toMatch(/secret|two|five/);
    expect(message).not.toContain('65\n');
  });

  it('shows no value even where a schema quotes it', () => {
    const quoting = z.object({
      TOKEN: z.string().refine(() => false, { error: ({ input }) => `must not be ${String(input)}` }),
    });
    expect(problemsOf({ TOKEN: 'hunter2-hunter2' }, quoting).message).toBe(
      'These settings are not usable:\n  TOKEN: is not valid',
    );
  });

  it('tells nothing of any text in any variable', () => {
    const names = Object.keys(schema.shape);
    const secret = fc.string({ minLength: 8, maxLength: 23, unit: 'binary' }).map((text) => `~${text}`);
    fc.assert(
      fc.property(fc.array(secret, { minLength: names.length, maxLength: names.length }), (secrets) => {
        const env = Object.fromEntries(names.map((name, index) => [name, secrets[index]]));
        const { message, stack } = problemsOf(env);
        return secrets.every((text) => !message.includes(text) && !(stack ?? '').includes(text));
      }),
    );
  });

  it('is not misled by what a prototype holds', () => {
    const env = Object.create({ MODE: 'a' }) as NodeJS.ProcessEnv;
    Object.assign(env, { PASSWORD: good.PASSWORD });
    expect(problemsOf(env).message).toContain('MODE: is not set');
  });

  it.each(['-1', '65536', '80.0', '8e1', '0x50', ' 80', '80 ', '１', 'NaN', '+80', '99999999999999999999'])(
    'takes %j for no port',
    (text) => {
      expect([...problemsOf({ ...good, PORT: text }).problems]).toEqual([
        ['PORT', 'must be a whole number from 0 to 65535'],
      ]);
    },
  );

  it.each(['http://x', 'a b', 'x:80', '-x', 'x-', '[::1]', '::g'])('takes %j for no host', (text) => {
    expect(problemsOf({ ...good, HOST: text }).problems.size).toBe(1);
  });

  it.each(['::1', '0.0.0.0', 'localhost', 'node-1.example.org'])('takes %j for a host', (text) => {
    expect(loadSettings(schema, { ...good, HOST: text })).toMatchObject({ HOST: text });
  });
});
