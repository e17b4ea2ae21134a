import { EventStoreDBClient, START } from '@eventstore/db-client';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { scaled } from '#testing/scale';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contradictions, type Found } from './append-record.ts';
import { EventStoreProcess } from '#testing/event-store-process';
import { Writers } from './writers.ts';

const KILLS = scaled(20);
const LIFE_MAX_MS = 1_500;

let dataDir: string;
let store: EventStoreProcess | undefined;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'latchkey-crash-'));
});

afterEach(async () => {
  await store?.kill('SIGKILL');
  await rm(dataDir, { recursive: true, force: true });
});

it(`keeps every acknowledged append and no half one over ${KILLS} SIGKILLs under 16 writers`, async () => {
  const writers = new Writers();
  const met: { unanswered: number; written: number }[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const victim = await EventStoreProcess.start(dataDir);
    store = victim;
    await withClient(victim, async (client) => {
      const writing = writers.writeUntil(client, victim.ended);
      setTimeout(() => void victim.kill('SIGKILL'), randomInt(1, LIFE_MAX_MS));
      // Every other time perhaps before that, between the answers of one flush.
      if (kill % 2 === 1) void writers.answered(randomInt(1, 200)).then(() => victim.kill('SIGKILL'));
      await writing;
    });
    store = await EventStoreProcess.start(dataDir);
    await withClient(store, async (client) => {
      const log = await consistentLog(writers, client);
      const unanswered = writers.unanswered;
      met.push({
        unanswered: unanswered.length,
        written: unanswered.filter(({ ids }) => log.some(({ id }) => id === ids[0])).length,
      });
      await writers.retry(client);
      await consistentLog(writers, client);
    });
    expect(writers.unanswered).toEqual([]);
    await store.kill('SIGTERM');
  }
  const counts = met.map(({ unanswered, written }) => `${unanswered} (${written} of them written)`);
  process.stdout.write(
    `Unanswered appends at each SIGKILL: ${counts.join(', ')}; of ${writers.attempts.length} appends in all.\n`,
  );
  // Kills that met no unanswered append would show nothing.
  expect(Math.max(...met.map(({ unanswered }) => unanswered))).toBeGreaterThan(0);
});

/** All of $all, after it was compared with what was sent and acknowledged. */
async function consistentLog(writers: Writers, client: EventStoreDBClient): Promise<Found[]> {
  const log: Found[] = [];
  for await (const { event } of client.readAll({ fromPosition: START })) {
    if (event && !event.streamId.startsWith('$')) log.push(event);
  }
  expect(contradictions(writers.attempts, log)).toEqual([]);
  return log;
}

/** A client of its own, closed first: the error of one client's append stream rejects the appends of every other. */
async function withClient(at: EventStoreProcess, use: (client: EventStoreDBClient) => Promise<void>): Promise<void> {
  const client = EventStoreDBClient.connectionString(at.url);
  try {
    await use(client);
  } finally {
    await client.dispose();
  }
}
