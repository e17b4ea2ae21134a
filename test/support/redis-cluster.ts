import { Redis } from 'ioredis';
import { type RedisProcess, freePort, startRedis } from './redis-process.ts';

const SLOTS = 16_384;
/** A node's bus listens that far above its port. */
const BUS = 10_000;

/** A real Redis Cluster of that many masters, with the slots spread evenly. */
export async function startRedisCluster(masters = 3): Promise<RedisCluster> {
  const nodes: RedisProcess[] = [];
  while (nodes.length < masters) {
    const port = await freePort();
    if (port + BUS > 65_535) continue;
    nodes.push(await startRedis({ port, args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'] }));
  }
  const clients = nodes.map(({ port }) => new Redis({ port, host: '127.0.0.1' }));
  for (const [nth, client] of clients.entries()) {
    const [from, upTo] = [nth, nth + 1].map((part) => Math.floor((part * SLOTS) / masters));
    await client.call('CLUSTER', 'ADDSLOTSRANGE', from!, upTo! - 1);
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

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

async function seesAll(client: Redis, masters: number): Promise<boolean> {
  const info = String(await client.call('CLUSTER', 'INFO'));
  return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${masters}`);
}
