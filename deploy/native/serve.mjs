/** What the commands of this folder share: each starts one server and is its life. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, fstatSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startChild, stopChild } from './child.mjs';

const ATTEMPTS = 5;

/**
 * @typedef {object} Recipe
 * @property {string} name of the server, for people; its log is `<name>.log` in the data folder
 * @property {() => string | undefined} missing why it can't be started on this machine
 * @property {Record<string, { type: 'string', default: string }>} [options] further options of the command
 * @property {(given: { dataDir: string, port: number, values: Record<string, string> }) =>
 *   Promise<readonly string[]> | readonly string[]} command prepares the data folder and says what to run
 * @property {RegExp} ready what the server prints once it answers
 * @property {RegExp} taken what it prints when its port was taken
 * @property {(port: number) => Record<string, unknown>} facts what whoever started it must know
 */

/**
 * `--data DIR [--port 0]`: starts the server on 127.0.0.1, prints its facts as one line of JSON once it answers, and runs
 * until SIGTERM, SIGINT or the end of a piped standard input. Exit code 1 when the server ended by itself.
 * @param {Recipe} recipe
 */
export async function serve(recipe) {
  try {
    const values = optionsOf(recipe);
    const missing = recipe.missing();
    if (missing !== undefined) throw new Error(`${recipe.name} can’t be started: ${missing}`);
    const dataDir = resolve(values.data);
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const logFile = join(dataDir, `${recipe.name}.log`);
    const { child, port } = await startOnPort(recipe, { dataDir, logFile, values });
    endWithThisProcess(child, recipe.name);
    process.stdout.write(`${JSON.stringify({ ...recipe.facts(port), port, pid: child.pid, log: logFile })}\n`);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
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

/** Whether a program is on the PATH and runs. */
export function runs(command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function optionsOf({ options }) {
  const { values } = parseArgs({
    options: { data: { type: 'string' }, port: { type: 'string', default: '0' }, ...options },
  });
  if (values.data === undefined) throw new Error('--data DIR is needed: the folder that holds its data');
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) {
    throw new Error('--port takes a number from 0 to 65535');
  }
  return values;
}

async function startOnPort(recipe, { dataDir, logFile, values }) {
  const asked = Number(values.port);
  for (let attempt = 1; ; attempt += 1) {
    const port = asked === 0 ? await freePort() : asked;
    const [command, ...args] = await recipe.command({ dataDir, port, values });
    const child = startChild(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const failure = await untilReady(child, recipe.ready, logFile);
    if (failure === undefined) return { child, port };
    const isTaken = recipe.taken.test(failure);
    // Whoever asks for any port asks again when another process was quicker.
    if (isTaken && attempt < ATTEMPTS && asked === 0) continue;
    throw new Error(isTaken ? `Port ${port} is taken.` : `${recipe.name} did not start:\n${failure.trim()}`);
  }
}

/** What it said, when it ended before it was ready. All that it ever says goes to the log. */
async function untilReady(child, ready, logFile) {
  let said = '';
  const isReady = new Promise((resolveReady) => {
    const onData = (chunk) => {
      appendFileSync(logFile, chunk);
      if (said === undefined) return;
      said += chunk.toString('utf8');
      if (ready.test(said)) resolveReady(undefined);
    };
    child.stdout.on('data', onData);
    child.stderr.on('data', onData);
  });
  const failed = once(child, 'close').then(
    () => said,
    (error) => error.message,
  );
  const failure = await Promise.race([isReady, failed]);
  said = undefined;
  return failure;
}

function endWithThisProcess(child, name) {
  let isAsked = false;
  const stop = () => {
    if (isAsked) return;
    isAsked = true;
    void stopChild(child);
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  if (stdinIsPipe()) process.stdin.on('end', stop).on('error', stop).resume();
  const ended = () => {
    if (!isAsked)
      process.stderr.write(`${name} ended by itself: ${child.signalCode ?? `exit code ${child.exitCode}`}\n`);
    process.exit(isAsked ? 0 : 1);
  };
  if (child.exitCode !== null || child.signalCode !== null) ended();
  child.once('exit', ended);
}

function stdinIsPipe() {
  try {
    const stdin = fstatSync(0);
    return stdin.isFIFO() || stdin.isSocket();
  } catch {
    return false;
  }
}
