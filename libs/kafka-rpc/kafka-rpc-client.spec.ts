import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { RequestRecord } from '#runtime/request-record';
import { KafkaRpcClient } from './kafka-rpc-client.ts';

describe('a client that is not connected yet', () => {
  let broker: Server;
  let sockets: Socket[];
  let clients: KafkaRpcClient[];

  /** Takes connections and never says a word. */
  beforeEach(async () => {
    sockets = [];
    clients = [];
    broker = createServer((socket) => {
      socket.on('error', () => undefined);
      sockets.push(socket);
    });
    broker.listen(0, '127.0.0.1');
    await once(broker, 'listening');
  });
  afterEach(async () => {
    broker.close();
    for (const socket of sockets) socket.destroy();
    await Promise.all(clients.map((client) => client.close()));
  });

  const aClient = (bounds: { maxPending?: number; maxPendingBytes?: number }) => {
    const { port } = broker.address() as AddressInfo;
    const client = new KafkaRpcClient({ brokers: [`127.0.0.1:${port}`], patterns: ['ask'], drainMs: 0, ...bounds });
    clients.push(client);
    return client;
  };
  const outcome = (client: KafkaRpcClient, request: unknown, forMs = 10_000) => {
    const record = new RequestRecord(request, { deadlineMs: Date.now() + forMs });
    return firstValueFrom(client.send('ask', record)).catch((error: unknown) => (error as Error).name);
  };

  it('lets what waits for its connection fail at its deadline', async () => {
    expect(await outcome(aClient({}), { n: 1 }, 200)).toBe('RequestExpired');
  });

  it('keeps no more requests than it may, and takes more when some have failed', async () => {
    const client = aClient({ maxPending: 2 });
    const first = [outcome(client, { n: 1 }, 200), outcome(client, { n: 2 }, 200)];
    expect(await outcome(client, { n: 3 })).toBe('TransportOverloaded');
    expect(await Promise.all(first)).toEqual(['RequestExpired', 'RequestExpired']);
    expect(await outcome(client, { n: 4 }, 200)).toBe('RequestExpired');
  });

  it('keeps no more bytes than it may', async () => {
    const client = aClient({ maxPendingBytes: 1_000 });
    const first = outcome(client, 'x'.repeat(600), 200);
    expect(await outcome(client, 'x'.repeat(600))).toBe('TransportOverloaded');
    expect(await first).toBe('RequestExpired');
  });

  it('tells all that wait what prevents the connection', async () => {
    const client = aClient({});
    const asked = [outcome(client, { n: 1 }, 30_000), outcome(client, { n: 2 }, 30_000)];
    broker.close();
    for (const socket of sockets) socket.destroy();
    const [one, two] = await Promise.all(asked);
    expect(one).toMatch(/^KafkaJS/);
    expect(two).toBe(one);
  });
});
