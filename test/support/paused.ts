import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Resolves once the process stands still. SIGSTOP takes effect some time after it was sent, and on a busy machine the
 * process answers meanwhile what it was not to answer any more.
 */
export async function paused(pid: number): Promise<void> {
  for (;;) {
    const { stdout } = await run('ps', ['-o', 'state=', '-p', String(pid)]);
    if (stdout.startsWith('T')) return;
  }
}
