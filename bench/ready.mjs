/**
 * How long a start takes until the service is ready, against the number of events in its log. Each row: five starts of
 * the built service as a process, from launch to the line that says where it listens.
 */
import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';
import { EventStore } from '#event-store/event-store';
import { keyEventMetadata } from '#keys/parse-key-event';

const STARTS = 5;
const rows = [];
for (const events of [0, 1_000, 10_000, 50_000]) {
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  await fill(dataDir, events);
  const times = [];
  for (let start = 0; start < STARTS; start++) times.push(await startMs(dataDir));
  times.sort((one, other) => one - other);
  rows.push({ events, 'min ms': times[0], 'median ms': times[2], 'max ms': times[4] });
  rmSync(dataDir, { recursive: true });
}
console.table(rows);

async function fill(dataDir, count) {
  const node = await EmbeddedEventStore.open({ dataDir, port: 0 });
  const store = EventStore.connect(node.url);
  for (let user = 0; user < count / 10; user += 50) {
    await Promise.all(
      Array.from({ length: Math.min(50, count / 10 - user) }, (_, more) => tenKeys(store, user + more)),
    );
  }
  await store.close();
  await node.close();
}

async function tenKeys(store, user) {
  const userId = `user-${user}`;
  const events = Array.from({ length: 10 }, () => ({
    id: randomUUID(),
    type: 'KeyCreated',
    data: {
      userId,
      keyId: randomUUID(),
      label: 'Deploys',
      description: null,
      scopes: ['insight:read', 'feature_flag:write'],
      hash: `sha256$${randomBytes(32).toString('hex')}`,
      mask: 'lkp_...abcd',
      at: new Date().toISOString(),
    },
    metadata: keyEventMetadata('KeyCreated', { commandId: randomUUID(), digest: 'none' }),
  }));
  await store.append(`userKeys-${userId}`, 'none', events);
}

function startMs(dataDir) {
  return new Promise((resolve) => {
    const launched = performance.now();
    let ready;
    const env = { ...process.env, DATA_DIR: dataDir, HTTP_PORT: '0', EVENTSTORE_PORT: '0', LOG_LEVEL: 'warn' };
    const main = join(import.meta.dirname, '../dist/bin/standalone.js');
    const service = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    service.stdout.on('data', (text) => {
      if (ready !== undefined || !String(text).includes('listens on')) return;
      ready = Math.round(performance.now() - launched);
      service.kill('SIGTERM');
    });
    service.on('exit', () => resolve(ready));
  });
}
