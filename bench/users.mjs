/**
 * What a command costs against the number of events in its user's stream: each row is a user with that many events and a
 * folded state in memory, asked for a change 200 times, rows in turn so that all see the same noise. The claim: a stream
 * of 10,000 events costs at most twice one of ten. CPU is that of the whole process: service, client and embedded store.
 */
import 'reflect-metadata';
import { randomBytes, randomUUID } from 'node:crypto';
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

const ROUNDS = 200;
const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
const node = await EmbeddedEventStore.open({ dataDir, port: 0 });
const eventStore = EventStore.connect(node.url);
const bus = new InProcessBus();
const service = await NestFactory.createMicroservice(CommandModule.register({ eventStore }), {
  strategy: new InProcessServer(bus, messageContract),
  logger: false,
});
await service.listen();
const requests = new Requests(new InProcessClient(bus));

const users = [10, 100, 1_000, 10_000].map((events) => ({ events, userId: `user-${events}`, ms: [], cpuMs: 0 }));
for (const { userId, events } of users) await fill(userId, events);
for (const user of users) await change(user.userId);
for (let round = 0; round < ROUNDS; round++) {
  for (const user of users) {
    const [started, cpu] = [performance.now(), process.cpuUsage()];
    await change(user.userId);
    user.ms.push(performance.now() - started);
    const { user: own, system } = process.cpuUsage(cpu);
    user.cpuMs += (own + system) / 1000;
  }
}
console.table(
  users.map(({ events, ms, cpuMs }) => ({
    events,
    'median ms': Number(median(ms).toFixed(2)),
    'CPU ms each': Number((cpuMs / ROUNDS).toFixed(2)),
    'against the first row': Number((median(ms) / median(users[0].ms)).toFixed(2)),
  })),
);
await service.close();
await eventStore.close();
await node.close();
rmSync(dataDir, { recursive: true });

async function change(userId) {
  const reply = await requests.command('keys.change', {
    commandId: randomUUID(),
    userId,
    keyId: 'key',
    label: randomUUID(),
  });
  if (!reply.ok) throw new Error(reply.code);
}

/** One key, and as many relabellings as it takes. */
async function fill(userId, count) {
  const at = new Date().toISOString();
  const key = { userId, keyId: 'key', label: 'first', description: null };
  const hash = `sha256$${randomBytes(32).toString('hex')}`;
  const events = Array.from({ length: count }, (_, nth) => ({
    id: randomUUID(),
    ...(nth === 0
      ? { type: 'KeyCreated', data: { ...key, scopes: ['*'], hash, mask: 'lkp_...abcd', at } }
      : { type: 'KeyRelabelled', data: { ...key, label: `label ${nth}`, at } }),
    metadata: keyEventMetadata('KeyRelabelled', { commandId: randomUUID(), digest: 'none' }),
  }));
  for (let from = 0; from < count; from += 1_000) {
    const expected = from === 0 ? 'none' : BigInt(from - 1);
    await eventStore.append(`userKeys-${userId}`, expected, events.slice(from, from + 1_000));
  }
}

function median(values) {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)];
}
