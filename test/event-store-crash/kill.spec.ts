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
  const unanswered: number[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    store = await EventStoreProcess.start(dataDir);
    await withClient(store, async (client) => {
      await agree(writers, client);
      await writers.retry(client);
      await agree(writers, client);
    });
    await withClient(store, async (client) => {
      const { ended } = store!;
      const writing = writers.writeUntil(client, ended);
      setTimeout(() => void store!.kill('SIGKILL'), randomInt(1, LIFE_MAX_MS));
      await writing;
    });
    unanswered.push(writers.unanswered.length);
  }
  store = await EventStoreProcess.start(dataDir);
  await withClient(store, async (client) => {
    await agree(writers, client);
    await writers.retry(client);
    await agree(writers, client);
  });
  process.stdout.write(
    `Unanswered appends at each SIGKILL: ${unanswered.join(', ')}; ${writers.attempts.length} in all.\n`,
  );
  expect(writers.unanswered).toEqual([]);
  // Kills that met no unanswered append would show nothing.
  expect(Math.max(...unanswered)).toBeGreaterThan(0);
}, 600_000);

async function agree(writers: Writers, client: EventStoreDBClient): Promise<void> {
  const log: Found[] = [];
  for await (const { event } of client.readAll({ fromPosition: START })) {
    if (event && !event.streamId.startsWith('$')) log.push(event);
  }
  expect(contradictions(writers.attempts, log)).toEqual([]);
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
