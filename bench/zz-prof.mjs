import { randomUUID } from 'node:crypto';
import { EventStore } from '#event-store/event-store';
import { keyCreated } from './support/key-events.mjs';
import { ownCpuMs, startStore } from './support/store-process.mjs';
const node = await startStore(process.env.PROF ? ['--cpu-prof', '--cpu-prof-dir=/tmp/hlog/store'] : []);
const store = EventStore.connect(node.url);
let n = 0;
const run = async (ms) => {
  const prefix = `userKeys-${randomUUID()}`; let count = 0;
  const cpu = [ownCpuMs(), node.cpuMs()];
  const t = performance.now();
  await Promise.all(Array.from({ length: 64 }, async () => {
    while (performance.now() - t < ms) { const s = `${prefix}-${count++}`; await store.append(s, 'none', [keyCreated(s)]); }
  }));
  return [count / ((performance.now() - t) / 1000), (ownCpuMs() - cpu[0]) * 1000 / count, (node.cpuMs() - cpu[1]) * 1000 / count].map(Math.round);
};
for (let i = 0; i < 5; i++) console.log(await run(3000));
await store.close(); await node.stop(); 
