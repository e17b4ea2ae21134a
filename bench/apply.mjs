/**
 * Entries per second into the lookup, through the same writer and script that the projector uses: batches of changes of one
 * key each, prepared before, one batch at a time as in the projector.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { GenerationWriter } from '#key-lookup/generation-writer';
import { MemoryKeyLookup } from '#key-lookup/memory-key-lookup';
import { RedisKeyLookup } from '#key-lookup/redis-key-lookup';
import { median } from './support/numbers.mjs';
import { startRedis } from './support/redis.mjs';
import { ownCpuMs } from './support/store-process.mjs';

const ENTRIES = 100_000;
const ROUNDS = 3;

const redis = await startRedis();
const memory = new MemoryKeyLookup();
const inRedis = redis && (await RedisKeyLookup.connect({ url: redis.url }));
const rows = [memory, inRedis].flatMap((lookup) =>
  (lookup === undefined ? [] : [64, 512]).flatMap((size) =>
    [1, 16].map((shards) => ({
      lookup,
      into: lookup === memory ? 'memory' : 'Redis',
      'entries in a batch': size,
      shards,
      rates: [],
      own: [],
      redis: [],
    })),
  ),
);
for (let round = 0; round < ROUNDS; round++) for (const row of rows) await run(row);
console.table(
  rows.map(({ into, shards, rates, own, redis: server, ...row }) => ({
    into,
    'entries in a batch': row['entries in a batch'],
    shards,
    'entries/s': Math.round(median(rates)),
    'own µs': Number(median(own).toFixed(2)),
    'Redis µs': Number(median(server).toFixed(2)),
  })),
);
inRedis?.close();
await redis?.stop();

async function run(row) {
  const name = `bench-${randomUUID().slice(0, 8)}`;
  // The rows in memory never give the event loop back, which costs Redis's client its connection.
  while (!(await isThere(row.lookup))) await delay(50);
  await row.lookup.createGeneration(name, { shards: row.shards, logId: 'bench' });
  const writer = await GenerationWriter.open(row.lookup, name);
  const batches = prepare(row['entries in a batch']);
  const before = [ownCpuMs(), redis?.cpuMs() ?? 0];
  const started = performance.now();
  for (const batch of batches) {
    const { refused } = await writer.apply(batch);
    if (refused > 0) throw new Error(`${refused} entries were refused`);
  }
  row.rates.push(ENTRIES / ((performance.now() - started) / 1000));
  row.own.push(((ownCpuMs() - before[0]) * 1000) / ENTRIES);
  row.redis.push((((redis?.cpuMs() ?? 0) - before[1]) * 1000) / ENTRIES);
  await row.lookup.dropGeneration(name);
}

function isThere(lookup) {
  return lookup.generations().then(
    () => true,
    () => false,
  );
}

function prepare(size) {
  const batches = [];
  let after;
  for (let first = 0; first < ENTRIES; first += size) {
    const events = Array.from({ length: Math.min(size, ENTRIES - first) }, (_, nth) => ({
      position: BigInt(first + nth + 1),
      changes: [
        {
          put: `sha256$${randomBytes(32).toString('hex')}`,
          entry: { userId: `user-${first + nth}`, keyId: randomUUID(), scopes: ['insight:read', 'feature_flag:write'] },
        },
      ],
    }));
    const last = events.at(-1).position;
    const upTo = { commit: last, prepare: last };
    batches.push({ after, upTo, events });
    after = upTo;
  }
  return batches;
}
