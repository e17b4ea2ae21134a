import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** How long a process may take to end by itself, in ms. */
const PATIENCE_MS = 20_000;
/** util-linux: the kernel ends a server whose starter was killed and can't end it. Elsewhere nothing does. */
const PARENT_DEATH_SIGNAL = ['setpriv', '--pdeathsig', 'KILL'];
let isThere;

/**
 * Starts a process that lives no longer than this one, however this one ends.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 */
export function startChild(command, args, options) {
  const [program, ...rest] = [...(hasParentDeathSignal() ? PARENT_DEATH_SIGNAL : []), command, ...args];
  // A process group of its own: a Ctrl-C on the terminal comes here alone, and reaches it in order.
  return spawn(program, rest, { ...options, detached: true });
}

/**
 * Ends it in order, or by force when that takes too long.
 * @param {import('node:child_process').ChildProcess} child
 */
export async function stopChild(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  // One that is paused would never hear of it.
  child.kill('SIGCONT');
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  await ended;
  clearTimeout(timer);
}

function hasParentDeathSignal() {
  const [program, ...args] = PARENT_DEATH_SIGNAL;
  return (isThere ??= spawnSync(program, [...args, 'true'], { stdio: 'ignore' }).status === 0);
}
