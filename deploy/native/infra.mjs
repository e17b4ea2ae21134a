/**
 * npm run infra [-- up | down | status] [SERVER …] [--data DIR] [--kafka-port N] [--redis-port N] [--event-store-port N]
 *
 * The servers that the services need, natively and in the background: Kafka, Redis and the embedded event store, each on
 * a port of 127.0.0.1 and in a folder of its own; or only those that are named. Standard output gets their addresses as
 * settings, and nothing else.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DetachedServer } from './detached-server.mjs';
import { kafkaIsMissing } from './kafka-jars.mjs';
import { startOf } from './process-identity.mjs';
import { redisIsMissing } from './redis-server.mjs';

const USAGE = 'npm run infra [-- up | down | status] [kafka] [redis] [event-store]';

/** Away from the usual ports, so that a server which is on the machine anyway is neither met nor mistaken for ours. */
const SERVERS = [
  {
    name: 'kafka',
    port: '19092',
    missing: kafkaIsMissing,
    setting: ({ brokers }) => `KAFKA_BROKERS=${brokers.join(',')}`,
  },
  { name: 'redis', port: '16379', missing: redisIsMissing, setting: ({ url }) => `REDIS_URL=${url}` },
  { name: 'event-store', port: '12113', missing: () => undefined, setting: ({ url }) => `EVENTSTORE_URL=${url}` },
];

const commands = { up, down, status };

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      data: { type: 'string', default: join(process.env.DATA_DIR || 'data', 'infra') },
      ...Object.fromEntries(SERVERS.map(({ name, port }) => [`${name}-port`, { type: 'string', default: port }])),
    },
  });
  const [name = 'up', ...named] = positionals;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const isKnown = (server) => SERVERS.some((known) => known.name === server);
  if (command === undefined || !named.every(isKnown)) throw new Error(USAGE);
  const folder = resolve(values.data);
  const servers = SERVERS.filter((server) => named.length === 0 || named.includes(server.name)).map((server) => ({
    ...server,
    process: new DetachedServer({
      script: `${server.name}.mjs`,
      folder: join(folder, server.name),
      args: ['--port', values[`${server.name}-port`]],
    }),
  }));
  await command(servers, folder);
} catch (error) {
  note(error.message);
  process.exitCode = 1;
}

/** Idempotent: starts what isn't up. */
async function up(servers, folder) {
  const missing = servers.flatMap(({ name, missing: why }) => {
    const reason = why();
    return reason === undefined ? [] : [`${name} can’t be started: ${reason}`];
  });
  if (missing.length > 0) throw new Error(missing.join('\n'));
  await alone(folder, async () => {
    const results = await Promise.allSettled(servers.map((server) => upOne(server)));
    const failures = results.flatMap(({ reason }) => (reason === undefined ? [] : [reason.message]));
    if (failures.length > 0) throw new Error(failures.join('\n'));
    for (const { setting, process: server } of servers) console.log(setting(server.facts()));
  });
}

async function upOne({ name, process: server }) {
  const known = server.facts();
  const { port, pid } = await server.up().catch((error) => {
    throw new Error(`${name}: ${error.message}`);
  });
  note(`${name} ${known === undefined ? 'is up' : 'was up already'} on port ${port} (pid ${pid})`);
}

/** Ends what `up` started, in whatever order they take. */
async function down(servers, folder) {
  await alone(folder, () =>
    Promise.all(
      servers.map(async ({ name, process: server }) => {
        note((await server.down()) ? `${name} has ended` : `${name} was not up`);
      }),
    ),
  );
}

/** Exit code 0 when all are up. */
function status(servers) {
  for (const { name, setting, process: server } of servers) {
    const facts = server.facts();
    if (facts === undefined) process.exitCode = 1;
    note(facts === undefined ? `${name} is not up` : `${name} is up on port ${facts.port} (pid ${facts.pid})`);
    if (facts !== undefined) console.log(setting(facts));
  }
}

/** One at a time: two that start the same servers at once would each find the other's ports taken. */
async function alone(folder, work) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = join(folder, 'lock');
  const own = JSON.stringify({ pid: process.pid, start: startOf(process.pid) });
  if (!tookLock(lock, own)) {
    const { pid, start } = JSON.parse(readFileSync(lock, 'utf8') || '{}');
    if (pid !== undefined && startOf(pid) === start) throw new Error(`Another “npm run infra” is at work (pid ${pid})`);
    rmSync(lock, { force: true });
    if (!tookLock(lock, own)) throw new Error('Another “npm run infra” is at work');
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function tookLock(lock, own) {
  try {
    writeFileSync(lock, own, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
}

function note(text) {
  process.stderr.write(`${text}\n`);
}
