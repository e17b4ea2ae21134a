import { MemoryKeyLookup } from '#key-lookup/memory-key-lookup';
import { RedisConnection } from '#key-lookup/redis-connection';
import { RedisKeyLookup } from '#key-lookup/redis-key-lookup';

const READING = { maxStalenessMs: 30_000, monotonicMs: () => performance.now() };

/** `memory`, or `redis` at a URL: a store to fill, a reader of it, and the CPU that its server has used, in µs. */
export async function openLookup(kind, url) {
  if (kind === 'memory') {
    const store = new MemoryKeyLookup();
    return { store, reader: store.reader(READING), serverCpuUs: () => 0 };
  }
  const store = await RedisKeyLookup.connect({ url });
  const own = await RedisConnection.open({ url });
  const serverCpuUs = async () => {
    const info = String(await own.ask('info', 'cpu'));
    const seconds = (name) => Number(new RegExp(`^${name}:(.*)`, 'm').exec(info)[1]);
    return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1e6;
  };
  return { store, reader: await store.reader(READING), serverCpuUs };
}
