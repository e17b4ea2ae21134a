import { EventStoreDBClient, START } from '@eventstore/db-client';
import { afterEach, expect, it } from '@jest/globals';
import { scaled } from '#testing/scale';
import { randomInt } from 'node:crypto';
import { contradictions, type Found } from './append-record.ts';
import { EventStoreProcess } from '#testing/event-store-process';
import { aFolder } from '#testing/folders';
import { Writers } from './writers.ts';

const KILLS = scaled(20);
/** After each kill the whole log is read: a new one now and then keeps many kills from reading ever more. */
const KILLS_PER_LOG = 20;
const LIFE_MAX_MS = 1_500;

/** What one kill met: appends without an answer, and how many of these were in the log. */
interface Met {
  readonly unanswered: number;
  readonly written: number;
}

let store: EventStoreProcess | undefined;

afterEach(async () => {
  await store?.kill('SIGKILL');
});

it(`keeps every acknowledged append and no half one over ${KILLS} SIGKILLs under 16 writers`, async () => {
  const met: Met[] = [];
  let appends = 0;
  for (let done = 0; done < KILLS; done += KILLS_PER_LOG) {
    const writers = new Writers();
    const dataDir = aFolder('crash');
    for (let kill = done; kill < Math.min(done + KILLS_PER_LOG, KILLS); kill += 1) {
      met.push(await killOnce(dataDir, writers, kill % 2 === 1));
    }
    appends += writers.attempts.length;
  }
  const counts = met.map(({ unanswered, written }) => `${unanswered} (${written} of them written)`);
  process.stdout.write(`Unanswered appends at each SIGKILL: ${counts.join(', ')}; of ${appends} appends in all.\n`);
  // Kills that met no unanswered append would show nothing.
  expect(Math.max(...met.map(({ unanswered }) => unanswered))).toBeGreaterThan(0);
});

/** @param amongAnswers the kill may come early, between the answers of one flush */
async function killOnce(dataDir: string, writers: Writers, amongAnswers: boolean): Promise<Met> {
  const victim = await EventStoreProcess.start(dataDir);
  store = victim;
  await withClient(victim, async (client) => {
    const writing = writers.writeUntil(client, victim.ended);
    setTimeout(() => void victim.kill('SIGKILL'), randomInt(1, LIFE_MAX_MS));
    if (amongAnswers) void writers.answered(randomInt(1, 200)).then(() => victim.kill('SIGKILL'));
    await writing;
  });
  const survivor = await EventStoreProcess.start(dataDir);
  store = survivor;
  const met = await withClient(survivor, async (client) => {
    const log = await consistentLog(writers, client);
    const { unanswered } = writers;
    const written = unanswered.filter(({ ids }) => log.some(({ id }) => id === ids[0])).length;
    await writers.retry(client);
    await consistentLog(writers, client);
    return { unanswered: unanswered.length, written };
  });
  expect(writers.unanswered).toEqual([]);
  await survivor.kill('SIGTERM');
  return met;
}

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
async function withClient<T>(at: EventStoreProcess, use: (client: EventStoreDBClient) => Promise<T>): Promise<T> {
  const client = EventStoreDBClient.connectionString(at.url);
  try {
    return await use(client);
  } finally {
    await client.dispose();
  }
}
