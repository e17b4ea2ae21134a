import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { built } from '#testing/built';
import { aFolder } from '#testing/folders';
import { nativeServers } from '#testing/native-servers';
import { requires } from '#testing/requires';

const root = join(import.meta.dirname, '../..');

beforeAll(() => void built());

/** Everything in one process stands for the services: it needs a server, a token and a port, and says when it is ready. */
const SERVICES = `
export default async function ({ settings, signInToken, freePort }) {
  const port = await freePort();
  const env = { HTTP_PORT: String(port), SIGN_IN_TOKEN: signInToken, DATA_DIR: process.env.STANDALONE_DATA };
  const address = 'http://127.0.0.1:' + port;
  return [
    { name: 'first', command: [process.execPath, '-p', '"a step " + (process.env.EVENTSTORE_URL === ' + JSON.stringify(settings.EVENTSTORE_URL) + ')'], once: true },
    { name: 'standalone', command: [process.execPath, 'dist/bin/standalone.js'], env, health: address + '/readyz', address },
  ];
}
`;

function runAll(services: string) {
  const folder = aFolder('run-all');
  writeFileSync(join(folder, 'services.mjs'), services);
  const args = ['deploy/native/run-all.mjs', join(folder, 'services.mjs'), '--data', folder];
  const env = { ...process.env, STANDALONE_DATA: aFolder('standalone') };
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const onData = (chunk: Buffer) => (output += chunk.toString('utf8'));
  child.stdout.on('data', onData);
  child.stderr.on('data', onData);
  const closed = once(child, 'close').then(() => undefined);
  return {
    token: () => readFileSync(join(folder, 'sign-in-token'), 'utf8').trim(),
    said: () => output,
    /** Resolves with the match once it has said so; fails when it ends before. */
    async says(pattern: RegExp): Promise<RegExpExecArray> {
      for (;;) {
        const match = pattern.exec(output);
        if (match !== null) return match;
        const more = once(child.stdout, 'data').then(() => true);
        if ((await Promise.race([more, closed])) === undefined) throw new Error(`It ended:\n${output}`);
      }
    },
    async interrupt(): Promise<number | null> {
      child.kill('SIGINT');
      await closed;
      return child.exitCode;
    },
    async ended(): Promise<number | null> {
      await closed;
      return child.exitCode;
    },
  };
}

requires(...nativeServers)('the servers and every service as processes', () => {
  it('come up in order, log together, let people in with the token, and end with Ctrl-C', async () => {
    const all = runAll(SERVICES);
    const [, url] = await all.says(/standalone listens on (http:\S+)/);
    await all.says(/The sign-in token is in \S+sign-in-token\n/);
    for (const setting of ['KAFKA_BROKERS', 'REDIS_URL', 'EVENTSTORE_URL'])
      expect(all.said()).toContain(`| ${setting}=`);
    expect(all.said()).toMatch(/^first +\| a step true$/m);
    const response = await fetch(`${url!}/api/personal_api_keys/`, {
      headers: { authorization: `Basic ${Buffer.from(`me:${all.token()}`).toString('base64')}` },
    });
    expect(response.status).toBe(200);

    expect(await all.interrupt()).toBe(0);
    await expect(fetch(url!)).rejects.toThrow();
  });

  it('end with the one that fails, and say which that is', async () => {
    const services = `export default () => [{ name: 'broken', command: [process.execPath, '-e', 'process.exit(3)'] }];`;
    const all = runAll(services);
    expect(await all.ended()).toBe(1);
    expect(all.said()).toMatch(/\| broken ended: exit code 3$/m);
  });
});
