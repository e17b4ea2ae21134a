import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startOf } from '../../deploy/native/process-identity.mjs';
import { built } from '#testing/built';
import { runScript } from '#testing/command';
import { aFolder } from '#testing/folders';
import { nativeServers } from '#testing/native-servers';
import { requires } from '#testing/requires';

interface PidFile {
  readonly command: { readonly pid: number; readonly start: string };
  readonly server: { readonly pid: number; readonly start: string };
}

let folder: string;

beforeAll(() => void built());
beforeEach(() => {
  folder = aFolder('infra');
});
afterEach(() => infra('down'));

function infra(...args: string[]) {
  const ports = ['kafka', 'redis', 'event-store'].flatMap((name) => [`--${name}-port`, '0']);
  return runScript('deploy/native/infra.mjs', [...args, '--data', folder, ...ports]);
}

function pidFile(server: string): string {
  return join(folder, server, 'pid.json');
}

function recorded(server: string): PidFile {
  return JSON.parse(readFileSync(pidFile(server), 'utf8')) as PidFile;
}

async function untilEnded(pid: number): Promise<void> {
  while (startOf(pid) !== undefined) await delay(20);
}

requires(...nativeServers)('npm run infra', () => {
  it('brings the three servers up once, says where they are, and ends them', async () => {
    const first = await infra();
    expect(first).toMatchObject({ exitCode: 0 });
    expect(first.stdout).toMatch(
      /^KAFKA_BROKERS=127\.0\.0\.1:\d+\nREDIS_URL=redis:\/\/127\.0\.0\.1:\d+\nEVENTSTORE_URL=esdb:\/\/127\.0\.0\.1:\d+\?tls=false\n$/,
    );
    const pids = ['kafka', 'redis', 'event-store'].map((server) => recorded(server).server.pid);

    const second = await infra('up');
    expect(second).toMatchObject({ exitCode: 0, stdout: first.stdout });
    expect(second.stderr.match(/was up already/g)).toHaveLength(3);
    expect(['kafka', 'redis', 'event-store'].map((server) => recorded(server).server.pid)).toEqual(pids);
    expect(await infra('status')).toMatchObject({ exitCode: 0, stdout: first.stdout });

    expect(await infra('down')).toMatchObject({ exitCode: 0 });
    expect(pids.map(startOf)).toEqual([undefined, undefined, undefined]);
    expect(await infra('status')).toMatchObject({ exitCode: 1, stdout: '' });
  });
});

describe('npm run infra -- … event-store', () => {
  it('ends nothing that merely has the number of a server that it started', async () => {
    await infra('up', 'event-store');
    const record = recorded('event-store');
    await infra('down');
    const other = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
    // As after a restart of the machine: the numbers of old are another's now.
    const reused = { command: { ...record.command, pid: other.pid }, server: { ...record.server, pid: other.pid } };
    writeFileSync(pidFile('event-store'), JSON.stringify(reused));

    expect(await infra('status', 'event-store')).toMatchObject({ exitCode: 1, stdout: '' });
    expect(await infra('down')).toMatchObject({ exitCode: 0 });
    expect(startOf(other.pid!)).toBeDefined();

    // The same file with its own start does end it: what saved it was the start.
    const own = { pid: other.pid, start: startOf(other.pid!) };
    writeFileSync(pidFile('event-store'), JSON.stringify({ command: own, server: own }));
    const ended = once(other, 'exit');
    await infra('down');
    await ended;
  });

  it('keeps what was written, and comes up again after a kill', async () => {
    await infra('up', 'event-store');
    const { server, command } = recorded('event-store');
    process.kill(server.pid, 'SIGKILL');
    await untilEnded(command.pid);
    expect(await infra('status', 'event-store')).toMatchObject({ exitCode: 1 });
    expect(await infra('up', 'event-store')).toMatchObject({ exitCode: 0 });
    expect(recorded('event-store').server.pid).not.toBe(server.pid);
  });

  it('says what it takes when it is asked for something else', async () => {
    expect(await infra('upp')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('up | down | status') });
    expect(await infra('up', 'mysql')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('kafka') });
  });
});
