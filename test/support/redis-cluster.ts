import { Redis } from 'ioredis';
import { type RedisProcess, freePort, startRedis } from './redis-process.ts';

const SLOTS = 16_384;
/** A node's bus listens that far above its port. */
const BUS = 10_000;

/** A real Redis Cluster of that many masters, with the slots spread evenly. Where one is away the others go on. */
export async function startRedisCluster(masters = 3): Promise<RedisCluster> {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-require-full-coverage', 'no'];
  const nodes: RedisProcess[] = [];
  while (nodes.length < masters) {
    const port = await freePort();
    if (port + BUS > 65_535) continue;
    nodes.push(await startRedis({ port, args }));
  }
  const clients = nodes.map(({ port }) => new Redis({ port, host: '127.0.0.1' }));
  for (const [nth, client] of clients.entries()) {
    const next = firstSlot(nth + 1, masters);
    await client.call('CLUSTER', 'ADDSLOTSRANGE', firstSlot(nth, masters), next - 1);
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', nth + 1);
    if (nth > 0) await client.call('CLUSTER', 'MEET', '127.0.0.1', nodes[0]!.port);
  }
  for (const client of clients) {
    while (!(await seesAll(client, masters))) await new Promise((resolve) => setTimeout(resolve, 10));
    client.disconnect();
  }
  return new RedisCluster(nodes);
}

export class RedisCluster {
  constructor(readonly nodes: readonly RedisProcess[]) {}

  get url(): string {
    return this.nodes.map(({ url }) => url).join(',');
  }

  /** Which master a key belongs to. */
  async masterOf(key: string): Promise<RedisProcess> {
    const client = new Redis(this.nodes[0]!.url);
    const slot = Number(await client.call('CLUSTER', 'KEYSLOT', key));
    client.disconnect();
    return this.nodes.findLast((_, nth) => slot >= firstSlot(nth, this.nodes.length))!;
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

function firstSlot(master: number, masters: number): number {
  return Math.floor((master * SLOTS) / masters);
}

async function seesAll(client: Redis, masters: number): Promise<boolean> {
  const info = String(await client.call('CLUSTER', 'INFO'));
  const wanted = ['cluster_state:ok', `cluster_known_nodes:${masters}`, `cluster_slots_assigned:${SLOTS}`];
  return wanted.every((line) => info.includes(line));
}
