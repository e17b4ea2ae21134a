/**
 * The embedded event store as a process of its own, so that its CPU and that of its client are told apart, as they are
 * where the two run on their own.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const MAIN = join(import.meta.dirname, '../../dist/bin/event-store.js');
/** Of `/proc/<pid>/stat`; a constant of Linux on every machine that Node runs on. */
const MS_PER_TICK = 10;

/** @param fill writes what is to be in the log when it starts, see `fillLog` */
export async function startStore({ fill = () => undefined, nodeArguments = [] } = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  await fill(dataDir);
  const child = spawn(process.execPath, [...nodeArguments, MAIN, '--data', dataDir, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  return {
    url: line.slice(line.indexOf('esdb://')),
    cpuMs: () => cpuMsOf(child.pid),
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
      rmSync(dataDir, { recursive: true });
    },
  };
}

/** User and system time of a process so far; undefined where there is no /proc. */
export function cpuMsOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
  } catch {
    return undefined;
  }
}

export function ownCpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
