/**
 * What a command costs against the number of events in its user's stream, and against the number of users. Each row is a
 * store of its own in this process, asked for changes of a key 200 times, rows in turn so that all see the same noise: in
 * the first table the state of the user is in memory, in the second each change is of another user, whose stream is read
 * first. CPU is that of the whole process: service, client and embedded store.
 *
 * `npm run bench -- users [MOST]`: up to so many users, 1,000,000 by default, which take the most of a minute to write.
 */
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { Requests } from '#client/requests';
import { CommandModule } from '#command/command.module';
import { messageContract } from '#contracts/message-contract';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';
import { EventStore } from '#event-store/event-store';
import { keyEventMetadata } from '#keys/parse-key-event';
import { InProcessBus } from '#runtime/in-process-bus';
import { InProcessClient } from '#runtime/in-process-client';
import { InProcessServer } from '#runtime/in-process-server';
import { fillLog, keysOf } from './support/fill-log.mjs';
import { keyCreated } from './support/key-events.mjs';
import { median } from './support/numbers.mjs';
import { ownCpuMs } from './support/store-process.mjs';

const ROUNDS = 200;
const WARM_UP = 20;

await compare('events in the stream', [10, 100, 1_000, 10_000], async (events) => {
  const service = await startService([{ stream: 'userKeys-ann', events: storyOf('ann', events) }]);
  return { ...service, next: () => 'ann' };
});
const MOST = Number(process.argv[3] ?? 1_000_000);
const USERS = [1_000, 10_000, 100_000, 1_000_000].filter((users) => users <= MOST);
await compare('users', USERS, async (users) => {
  const service = await startService(keysOf(users, 1));
  // A stride that is prime to their numbers meets no user twice.
  let user = 0;
  return { ...service, next: () => `user-${(user += 7_919) % users}` };
});

async function compare(title, sizes, open) {
  const rows = [];
  for (const size of sizes) rows.push({ size, ms: [], cpuMs: [], ...(await open(size)) });
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    for (const { ms, cpuMs, change, next } of rows) {
      const [started, cpu] = [performance.now(), ownCpuMs()];
      await change(next());
      if (round < WARM_UP) continue;
      ms.push(performance.now() - started);
      cpuMs.push(ownCpuMs() - cpu);
    }
  }
  console.table(
    rows.map(({ size, ms, cpuMs }) => ({
      [title]: size,
      'median ms': Number(median(ms).toFixed(2)),
      'CPU ms': Number(median(cpuMs).toFixed(2)),
      'against the first row': Number((median(ms) / median(rows[0].ms)).toFixed(2)),
    })),
  );
  for (const { close } of rows) await close();
}

async function startService(appends) {
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  await fillLog(dataDir, appends);
  const node = await EmbeddedEventStore.open({ dataDir, port: 0 });
  const eventStore = EventStore.connect(node.url);
  const bus = new InProcessBus();
  const service = await NestFactory.createMicroservice(CommandModule.register({ eventStore }), {
    strategy: new InProcessServer(bus, messageContract),
    logger: false,
  });
  await service.listen();
  const requests = new Requests(new InProcessClient(bus));
  return {
    change: async (userId) => {
      const change = { commandId: randomUUID(), userId, keyId: 'key-0', label: randomUUID() };
      const reply = await requests.command('keys.change', change);
      if (!reply.ok) throw new Error(reply.code);
    },
    close: async () => {
      await service.close();
      await eventStore.close();
      await node.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}

/** One key, and as many relabellings as it takes. */
function storyOf(userId, count) {
  const key = { userId, keyId: 'key-0', description: null };
  const metadata = keyEventMetadata('KeyRelabelled', { commandId: randomUUID(), digest: 'none' });
  const relabelled = Array.from({ length: count - 1 }, (_, nth) => ({
    id: randomUUID(),
    type: 'KeyRelabelled',
    data: { ...key, label: `label ${nth}`, at: new Date().toISOString() },
    metadata,
  }));
  return [keyCreated(userId, 'key-0'), ...relabelled];
}
