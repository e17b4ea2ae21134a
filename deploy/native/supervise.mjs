/** What every server here shares: it is a child that is told to end, and ends, with the process that started it. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { createServer } from 'node:net';

/** How long a server may take to end by itself, in ms. */
const PATIENCE_MS = 20_000;
/** util-linux: the kernel ends a server whose starter was killed and can't end it. Elsewhere nothing does. */
const PARENT_DEATH_SIGNAL = ['setpriv', '--pdeathsig', 'KILL'];

/**
 * Starts a server that lives no longer than this process, however this one ends.
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
 * Keeps this process until the server ends, and ends the server when this process is asked to end: by SIGTERM, by SIGINT,
 * or by the end of standard input, where that is a pipe from whoever started it.
 * @param {import('node:child_process').ChildProcess} child
 */
export function superviseUntilAsked(child) {
  let isAsked = false;
  const stop = () => {
    if (isAsked) return;
    isAsked = true;
    void stopChild(child);
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  if (stdinIsPipe()) process.stdin.on('end', stop).on('error', stop).resume();
  child.once('exit', (code, signal) => {
    if (!isAsked) process.stderr.write(`The server ended by itself: ${signal ?? `exit code ${code}`}\n`);
    process.exit(isAsked ? 0 : 1);
  });
}

/** @param {import('node:child_process').ChildProcess} child */
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

/** A port of 127.0.0.1 that nobody had a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** One line of JSON for whoever started it. */
export function announce(facts) {
  process.stdout.write(`${JSON.stringify(facts)}\n`);
}

/** @param {string | undefined} text */
export function portNumber(text) {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) fail('--port takes a number from 0 to 65535');
  return port;
}

export function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

function hasParentDeathSignal() {
  const [program, ...args] = PARENT_DEATH_SIGNAL;
  return spawnSync(program, [...args, 'true'], { stdio: 'ignore' }).status === 0;
}

function stdinIsPipe() {
  try {
    const stdin = fstatSync(0);
    return stdin.isFIFO() || stdin.isSocket();
  } catch {
    return false;
  }
}
