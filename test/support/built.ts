import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const LOCK = join(root, 'node_modules/.latchkey-build-lock');
let dist: string | undefined;

/**
 * The folder of a build of these sources, for tests that start processes. `npm test` has built before; a single Jest run
 * builds here, once per worker and one worker at a time. Synchronous, so that it also serves where processes are started.
 */
export function built(): string {
  return (dist ??= build());
}

function build(): string {
  while (!locked()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  try {
    const { status, stderr } = spawnSync(process.execPath, ['tools/build.mjs'], { cwd: root, encoding: 'utf8' });
    if (status !== 0) throw new Error(`The build failed:\n${stderr}`);
  } finally {
    rmSync(LOCK, { force: true });
  }
  return join(root, 'dist');
}

/** Takes the lock, or finds it held by a living process. A lock that outlived its process is removed. */
function locked(): boolean {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    if (!holderLives()) rmSync(LOCK, { force: true });
    return false;
  }
}

function holderLives(): boolean {
  try {
    process.kill(Number(readFileSync(LOCK, 'utf8')), 0);
    return true;
  } catch (error) {
    // Anything else: another user's process, or a lock that has just gone; the next try tells.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
