/**
 * What a key costs in Redis: used_memory of a redis-server of its own (no append-only file, as that is not memory), against
 * what it was before, by the number of keys. Each key has UUIDs for its user and itself and two scopes; a user has ten.
 * Before a row counts, keys are read back. Rows: 10k, 1M and, with 4 GiB free, 10M; or those that are given as arguments.
 */
import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { freemem } from 'node:os';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { GenerationWriter } from '#key-lookup/generation-writer';
import { RedisKeyLookup } from '#key-lookup/redis-key-lookup';

const LARGEST = freemem() > 4 * 2 ** 30 ? [10_000_000] : [];
const BATCH = 1_000;
const SCOPES = ['insight:read', 'feature_flag:write'];

const given = process.argv.slice(3).map(Number);
const rows = [];
for (const keys of given.length > 0 ? given : [10_000, 1_000_000, ...LARGEST]) rows.push(await measure(keys));
console.table(rows);

async function measure(keys) {
  const port = await freePort();
  const server = spawn('redis-server', ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']);
  const ended = once(server, 'close');
  server.on('error', () => {
    console.error('redis-server can’t be run');
    process.exit(1);
  });
  await ready(server);
  const lookup = await RedisKeyLookup.connect({ url: `redis://127.0.0.1:${port}`, commandTimeoutMs: 10_000 });
  const admin = new Redis({ port });
  await lookup.createGeneration('bench', { shards: 1, logId: 'bench' });
  await lookup.switchLive(undefined, 'bench');
  const writer = await GenerationWriter.open(lookup, 'bench');
  const before = await usedMemory(admin);
  const started = performance.now();
  const sample = await fill(writer, keys);
  const seconds = (performance.now() - started) / 1000;
  const used = (await usedMemory(admin)) - before;
  await readBack(lookup, sample);
  lookup.close();
  admin.disconnect();
  server.kill('SIGKILL');
  await ended;
  return {
    keys,
    MB: Math.round(used / 1e6),
    'bytes per key': Number((used / keys).toFixed(1)),
    'keys applied per second': Math.round(keys / seconds),
  };
}

async function fill(writer, keys) {
  const sample = [];
  let userId;
  for (let from = 0; from < keys; from += BATCH) {
    const events = Array.from({ length: Math.min(BATCH, keys - from) }, (_, nth) => {
      if (nth % 10 === 0) userId = randomUUID();
      const put = `sha256$${randomBytes(32).toString('hex')}`;
      const entry = { userId, keyId: randomUUID(), scopes: SCOPES };
      if ((from + nth) % (keys / 100) === 0) sample.push({ put, entry });
      return { position: BigInt(from + nth + 1), changes: [{ put, entry }] };
    });
    await writer.apply({ after: at(from), upTo: at(from + events.length), events });
  }
  return sample;
}

async function readBack(lookup, sample) {
  const reader = await lookup.reader({ maxStalenessMs: 30_000, monotonicMs: () => performance.now() });
  const answers = await Promise.all(await reader.lookUp(sample.map(({ put }) => put)));
  reader.close();
  for (const [nth, { entry }] of answers.entries()) {
    if (JSON.stringify(entry) !== JSON.stringify(sample[nth].entry)) throw new Error('A key was read back as another.');
  }
}

function at(position) {
  return position === 0 ? undefined : { commit: BigInt(position), prepare: BigInt(position) };
}

async function usedMemory(redis) {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))[1]);
}

async function ready(server) {
  let output = '';
  for await (const chunk of server.stdout) {
    output += chunk;
    if (output.includes('Ready to accept connections')) return;
  }
  throw new Error(output);
}

async function freePort() {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
