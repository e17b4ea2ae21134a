/**
 * How fast a log is projected, beside what the bare client takes only to hand its events over. The store is a process of its
 * own; every arm reads all of its log, the arms in turn. The stages tell where the time goes: what the subscription takes,
 * what it takes with the events' meaning, and with it all: the projector as it runs, into memory and into Redis.
 *
 * `npm run bench -- replay [EVENTS]`: 500,000 by default.
 */
import { EventStoreDBClient, streamNameFilter } from '@eventstore/db-client';
import { EventStore } from '#event-store/event-store';
import { MemoryKeyLookup } from '#key-lookup/memory-key-lookup';
import { RedisKeyLookup } from '#key-lookup/redis-key-lookup';
import { projectEvents, STREAM_PREFIX } from '#projector/project-events';
import { Projector } from '#projector/projector';
import { fillLog, keysOf } from './support/fill-log.mjs';
import { median } from './support/numbers.mjs';
import { startRedis } from './support/redis.mjs';
import { ownCpuMs, startStore } from './support/store-process.mjs';

const EVENTS = Number(process.argv[3] ?? 500_000);
const ROUNDS = 3;

console.error(`Filling a log with ${EVENTS} events …`);
const node = await startStore({ fill: (dataDir) => fillLog(dataDir, keysOf(EVENTS / 10, 10)) });
const store = EventStore.connect(node.url);
const bare = EventStoreDBClient.connectionString(node.url);
const redis = await startRedis();

const arms = {
  'bare client, readAll': async () => {
    let seen = 0;
    for await (const { event } of bare.readAll()) if (event.streamId.startsWith(STREAM_PREFIX)) seen++;
    return seen;
  },
  'bare client, subscribeToAll': async () => {
    const filter = streamNameFilter({ prefixes: [STREAM_PREFIX] });
    const subscription = bare.subscribeToAll({ filter });
    let seen = 0;
    for await (const { event } of subscription) if (event !== undefined && ++seen === EVENTS) break;
    await subscription.unsubscribe();
    return seen;
  },
  'Latchkey, subscription alone': () => follow(() => undefined),
  'Latchkey, with what events mean': () => follow(projectEvents),
  'Latchkey, projector into memory': () => project(new MemoryKeyLookup()),
  ...(redis && {
    'Latchkey, projector into Redis': async () => {
      const lookup = await RedisKeyLookup.connect({ url: redis.url });
      const before = await lookup.live();
      if (before !== undefined) await lookup.dropGeneration(before);
      const seen = await project(lookup);
      lookup.close();
      return seen;
    },
  }),
};

const rows = Object.entries(arms).map(([arm, replay]) => ({
  arm,
  replay,
  rates: [],
  client: [],
  store: [],
  redis: [],
}));
for (let round = 0; round < ROUNDS; round++) for (const row of rows) await run(row);
const ceiling = median(rows[1].rates);
console.table(
  rows.map((row) => ({
    arm: row.arm,
    'events/s': Math.round(median(row.rates)),
    'against the client': Number((median(row.rates) / ceiling).toFixed(2)),
    'own µs': Number(median(row.client).toFixed(1)),
    'store µs': Number(median(row.store).toFixed(1)),
    'Redis µs': Number(median(row.redis).toFixed(1)),
  })),
);
await store.close();
await bare.dispose();
await redis?.stop();
await node.stop();
process.exit(0);

async function run({ replay, rates, ...cpu }) {
  const before = [ownCpuMs(), node.cpuMs(), redis?.cpuMs() ?? 0];
  const started = performance.now();
  const seen = await replay();
  if (seen !== EVENTS) throw new Error(`${seen} events instead of ${EVENTS}`);
  rates.push(seen / ((performance.now() - started) / 1000));
  const after = [ownCpuMs(), node.cpuMs(), redis?.cpuMs() ?? 0];
  for (const [nth, part] of ['client', 'store', 'redis'].entries()) {
    cpu[part].push(((after[nth] - before[nth]) * 1000) / seen);
  }
}

async function follow(handle) {
  const enough = new AbortController();
  let seen = 0;
  await store.subscribe({
    prefixes: [STREAM_PREFIX],
    after: () => undefined,
    onBatch: (events) => {
      handle(events);
      seen += events.length;
      if (seen === EVENTS) enough.abort();
      return Promise.resolve();
    },
    signal: enough.signal,
  });
  return seen;
}

/** From an empty lookup until it is proved to be at the log's head. */
async function project(lookup) {
  const stop = new AbortController();
  const projector = new Projector({ eventStore: store, lookup, shards: 1, proofIntervalMs: 1_000 });
  const running = projector.run(stop.signal);
  while (!projector.status.caughtUp) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort();
  await running;
  const { faults, rebuilds, events } = projector.status;
  if (faults + rebuilds > 0) throw new Error('The projector met a fault.');
  return events;
}
