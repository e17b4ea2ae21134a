/**
 * node deploy/native/run-all.mjs SERVICES [--data DIR]
 *
 * The native servers, then each service as a process of its own: one combined log on standard output, every address once
 * all are ready, and Ctrl-C ends it all, services before servers. When one of them ends by itself, so does everything,
 * with exit code 1. DIR (DATA_DIR/cluster) keeps the servers' data and the sign-in token, which is made once.
 *
 * SERVICES is a module whose default export says what to run, given the settings that lead to the servers:
 * `({ settings, signInToken, freePort }) => Service[]`, or a promise of it.
 *
 * @typedef {object} Service
 * @property {string} name
 * @property {readonly string[]} command
 * @property {Record<string, string>} [env] beside the settings; nothing else but PATH and HOME is passed on
 * @property {string} [health] a URL that answers 200 once it is ready
 * @property {boolean} [once] a step: it must end with exit code 0 before the next one starts
 * @property {string} [address] for people, once all are ready
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { readOrMakeSignInToken, signInTokenFile } from '../../dist/apps/standalone/sign-in-token.js';
import { LoggedProcesses } from './logged-processes.mjs';
import { freePort } from './serve.mjs';

const SERVERS = [
  { name: 'kafka', setting: ({ brokers }) => ({ KAFKA_BROKERS: brokers.join(',') }) },
  { name: 'redis', setting: ({ url }) => ({ REDIS_URL: url }) },
  { name: 'event-store', setting: ({ url }) => ({ EVENTSTORE_URL: url }) },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { data: { type: 'string', default: join(process.env.DATA_DIR || 'data', 'cluster') } },
});
const [servicesFile] = positionals;
const folder = resolve(values.data);
const processes = new LoggedProcesses(process.stdout);

process.on('SIGINT', () => end(0)).on('SIGTERM', () => end(0));
try {
  await Promise.race([processes.failure, startAll()]);
  await processes.failure;
} catch (error) {
  say(error.message);
  end(1);
}

async function startAll() {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const signInToken = readOrMakeSignInToken(folder);
  const settings = Object.assign({}, ...(await Promise.all(SERVERS.map(startServer))));
  const { default: servicesOf } = await import(pathToFileURL(resolve(servicesFile)).href);
  const services = await servicesOf({ settings, signInToken, freePort });
  const ready = [];
  for (const service of services) {
    const { name, command, env, health, once } = service;
    const started = processes.start({ name, command, env: { ...settings, ...env }, mayEnd: once === true });
    if (once === true) await started.succeeded();
    else if (health !== undefined) ready.push(started.answers(health));
  }
  await Promise.all(ready);
  for (const [name, value] of Object.entries(settings)) say(`${name}=${value}`);
  for (const { name, address } of services) if (address !== undefined) say(`${name} listens on ${address}`);
  say(`The sign-in token is in ${signInTokenFile(folder)}`);
  say('All is ready; Ctrl-C ends it.');
}

async function startServer({ name, setting }) {
  const script = join(import.meta.dirname, `${name}.mjs`);
  const command = [process.execPath, script, '--data', join(folder, name)];
  return setting(await processes.start({ name, command, env: {} }).firstLine());
}

function end(exitCode) {
  // The first reason counts; what ends from now on was asked to.
  processes.stopAll().then(() => process.exit(exitCode));
}

function say(text) {
  processes.log('run-all', text);
}
