import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { startOf } from '../../deploy/native/process-identity.mjs';
import { built } from '#testing/built';
import { runScript } from '#testing/command';
import { aFolder } from '#testing/folders';

const SCRIPT = 'deploy/native/event-store.mjs';

beforeAll(() => void built());

/** The command of one server: the embedded event store's, which every machine has. */
async function aServer(stdin: 'pipe' | 'ignore'): Promise<{ command: ChildProcess; pid: number }> {
  const script = join(import.meta.dirname, '../..', SCRIPT);
  const command = spawn(process.execPath, [script, '--data', aFolder('server')], { stdio: [stdin, 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(command.stdout!), 'line')) as [string];
  return { command, pid: (JSON.parse(line) as { pid: number }).pid };
}

async function untilEnded(pid: number): Promise<void> {
  while (startOf(pid) !== undefined) await delay(20);
}

describe('a server’s command', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('ends the server and then itself on %s', async (signal) => {
    const { command, pid } = await aServer('ignore');
    command.kill(signal);
    expect(await once(command, 'exit')).toEqual([0, null]);
    expect(startOf(pid)).toBeUndefined();
  });

  it('does so when its standard input ends, and with it whoever started it', async () => {
    const { command, pid } = await aServer('pipe');
    command.stdin!.end();
    expect(await once(command, 'exit')).toEqual([0, null]);
    expect(startOf(pid)).toBeUndefined();
  });

  it('leaves no server behind when it is killed', async () => {
    const { command, pid } = await aServer('ignore');
    command.kill('SIGKILL');
    await untilEnded(pid);
  });

  it('ends a server that was paused', async () => {
    const { command, pid } = await aServer('ignore');
    process.kill(pid, 'SIGSTOP');
    command.kill('SIGTERM');
    expect(await once(command, 'exit')).toEqual([0, null]);
    expect(startOf(pid)).toBeUndefined();
  });

  it('ends with the server', async () => {
    const { command, pid } = await aServer('ignore');
    process.kill(pid, 'SIGKILL');
    expect(await once(command, 'exit')).toEqual([1, null]);
  });

  it('says so when the port that was asked for is another’s', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    expect(await runScript(SCRIPT, ['--data', aFolder('server'), '--port', String(port)])).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: `Port ${port} is taken.\n`,
    });
    other.close();
  });
});
