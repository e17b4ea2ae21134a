/**
 * Acknowledged appends per second, each of one event to a stream of its own, and the CPU that one takes at the client and
 * at the store, which are two processes. The arms take turns, so all see the same noise: this system's own appends, and
 * those of the bare `@eventstore/db-client` over `Append` and over `BatchAppend`, for which nobody checks an answer's
 * position, sets a timer or repeats anything.
 */
import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, NO_STREAM } from '@eventstore/db-client';
import { EventStore } from '#event-store/event-store';
import { keyCreated } from './support/key-events.mjs';
import { median } from './support/numbers.mjs';
import { ownCpuMs, startStore } from './support/store-process.mjs';

/** Each append has this event with an id of its own, so that making events costs next to nothing. */
const prepared = keyCreated('ann');
const ROUNDS = 7;
const ROUND_MS = 1_000;
const CONCURRENT = [1, 16, 64];

const node = await startStore();
const store = EventStore.connect(node.url);
const bare = EventStoreDBClient.connectionString(node.url);
const plain = EventStoreDBClient.connectionString(node.url);
Object.defineProperty(plain, 'supports', { value: () => Promise.resolve(false) });

const byClient = (client) => (stream, event) =>
  client.appendToStream(stream, { ...event, contentType: 'application/json' }, { expectedRevision: NO_STREAM });
const arms = {
  Latchkey: async (stream, event) => {
    const { outcome } = await store.append(stream, 'none', [event]);
    if (outcome !== 'appended') throw new Error(outcome);
  },
  'bare client, Append': byClient(plain),
  'bare client, BatchAppend': byClient(bare),
};

const rows = CONCURRENT.flatMap((concurrent) =>
  Object.entries(arms).map(([arm, append]) => ({ concurrent, arm, append, rates: [], client: [], store: [], ms: [] })),
);
for (const row of [...rows].reverse()) await run(row, 1_000);
for (const row of rows) Object.assign(row, { rates: [], client: [], store: [], ms: [] });
for (let round = 0; round < ROUNDS; round++) for (const row of rows) await run(row, ROUND_MS);
console.table(
  rows.map(({ concurrent, arm, rates, client, store, ms }) => ({
    concurrent,
    arm,
    'appends/s': Math.round(median(rates)),
    most: Math.round(Math.max(...rates)),
    'p50 ms': Number(median(ms).toFixed(2)),
    'client µs': Math.round(median(client)),
    'store µs': Math.round(median(store)),
  })),
);
await store.close();
await plain.dispose();
await bare.dispose();
await node.stop();
process.exit(0);

async function run(row, forMs) {
  const prefix = `userKeys-${randomUUID()}`;
  let count = 0;
  const cpu = [ownCpuMs(), node.cpuMs()];
  const started = performance.now();
  const worker = async () => {
    while (performance.now() - started < forMs) {
      const stream = `${prefix}-${count++}`;
      const event = { ...prepared, id: randomUUID() };
      const asked = performance.now();
      await row.append(stream, event);
      if (count % 16 === 0) row.ms.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: row.concurrent }, worker));
  const seconds = (performance.now() - started) / 1000;
  row.rates.push(count / seconds);
  row.client.push(((ownCpuMs() - cpu[0]) * 1000) / count);
  row.store.push(((node.cpuMs() - cpu[1]) * 1000) / count);
}
