import { ClientKafka } from '@nestjs/microservices';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type IHeaders } from 'kafkajs';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { type KafkaRpcClient } from '#kafka-rpc/kafka-rpc-client';
import { RequestRecord } from '#runtime/request-record';
import { anyKafka } from '#testing/kafka-process';
import { KafkaRig } from '#testing/kafka-rig';
import { requires } from '#testing/requires';

const PATTERNS = ['unserved', 'other'];

requires(anyKafka)('a client whose requests nobody answers, or a stranger', () => {
  let rig: KafkaRig;

  beforeEach(async () => {
    rig = await KafkaRig.open(PATTERNS);
  });
  afterEach(() => rig.close());

  const ask = (client: KafkaRpcClient, n: number, deadlineMs?: number) =>
    lastValueFrom(
      client.send<object>('unserved', new RequestRecord({ n }, deadlineMs === undefined ? {} : { deadlineMs })),
    );
  const outcome = (reply: Promise<unknown>) => reply.catch((error: unknown) => (error as Error).name);
  const text = (headers: IHeaders | undefined, name: string) => String(headers?.[`kafka_${name}`]);

  it('takes no reply but one with the id of a request of its own', async () => {
    const requests = await rig.read(rig.topic('unserved'));
    const client = await rig.client(PATTERNS, { replyPartition: 0 });
    const reply = ask(client, 1);
    const [request] = await requests.until(({ length }) => length === 1);
    const id = text(request?.headers, 'correlationId');
    const forge = (correlationId: IHeaders[string], value: string) =>
      rig.producer.send({
        topic: text(request?.headers, 'replyTopic'),
        messages: [
          {
            value,
            partition: 0,
            headers: { kafka_correlationId: correlationId, 'kafka_nest-is-disposed': Buffer.alloc(1) },
          },
        ],
      });
    await forge(`${'A'.repeat(11)}${id.slice(11)}`, '{"forged":1}');
    await forge(id.slice(0, -1), '{"forged":2}');
    await forge(`${id}0`, '{"forged":3}');
    await forge('', '{"forged":4}');
    await forge([id, id], '{"forged":5}');
    await forge('__proto__', '{"forged":6}');
    // And this one shows that a forged one that was taken would be seen.
    await forge(id, '{"taken":true}');

    expect(await reply).toEqual({ taken: true });
    // 128 bits in base64.
    expect(id).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  it('tells nothing of the ids to come by those that anybody can read in its replies', async () => {
    const requests = await rig.read(rig.topic('unserved'));
    const client = await rig.client(PATTERNS);
    const replies = Array.from({ length: 50 }, (_, n) => outcome(ask(client, n, Date.now() + 500)));
    const sent = await requests.until(({ length }) => length === 50);
    const ids = sent.map(({ headers }) => text(headers, 'correlationId'));
    const heads = new Set(ids.map((id) => id.slice(0, 11)));
    const tails = new Set(ids.map((id) => id.slice(11)));
    expect([heads.size, tails.size]).toEqual([50, 50]);
    await Promise.all(replies);
  });

  it('tells a caller that no reply came, when none does, where stock Nest lets it wait for ever', async () => {
    const client = await rig.client(PATTERNS);
    const stock = new ClientKafka({
      client: { brokers: [...rig.brokers] },
      consumer: { groupId: rig.groupId, maxWaitTimeInMs: 100 },
    });
    stock.subscribeToResponseOf(rig.topic('unserved'));
    await stock.connect();
    let stockIsWaiting = true;
    firstValueFrom(stock.send(rig.topic('unserved'), { n: 1 })).then(
      () => (stockIsWaiting = false),
      () => (stockIsWaiting = false),
    );

    expect(await outcome(ask(client, 1, Date.now() + 1_000))).toBe('RequestExpired');
    expect(stockIsWaiting).toBe(true);
    await stock.close();
  });

  it('refuses at once what is more than it may keep, and takes more when some is given up', async () => {
    const client = await rig.client(PATTERNS, { maxPending: 2 });
    const first = client.send('unserved', { n: 1 }).subscribe();
    const second = client.send('unserved', { n: 2 }).subscribe();
    expect(await outcome(ask(client, 3))).toBe('TransportOverloaded');

    first.unsubscribe();
    expect(await outcome(ask(client, 4, Date.now() + 200))).toBe('RequestExpired');
    second.unsubscribe();
  });

  it('bounds what it keeps in bytes, too, and refuses what no message can hold', async () => {
    const client = await rig.client(PATTERNS, { maxPendingBytes: 1_000_000 });
    const large = (size: number) => outcome(firstValueFrom(client.send('unserved', 'x'.repeat(size))));
    expect(await large(900_001)).toBe('RequestTooLarge');

    const first = client.send('unserved', 'x'.repeat(600_000)).subscribe({ error: () => undefined });
    expect(await large(600_000)).toBe('TransportOverloaded');
    first.unsubscribe();
  });

  it('does not send what is past its deadline', async () => {
    const requests = await rig.read(rig.topic('unserved'));
    const client = await rig.client(PATTERNS, { drainMs: 50 });
    expect(await outcome(ask(client, 1, Date.now() - 1))).toBe('RequestExpired');
    void outcome(ask(client, 2));

    const messages = await requests.until(({ length }) => length > 0);
    expect(messages.map(({ value }) => String(value))).toEqual(['{"n":2}']);
  });

  it('tells those who wait that it was closed, and everyone after them', async () => {
    const client = await rig.client(PATTERNS, { drainMs: 50 });
    const waiting = outcome(ask(client, 1));
    await new Promise((resolve) => setImmediate(resolve));
    await client.close();

    expect(await waiting).toBe('TransportClosed');
    expect(await outcome(ask(client, 2))).toBe('TransportClosed');
  });

  it('refuses a pattern that it reads no replies to', async () => {
    const client = await rig.client(['other']);

    await expect(ask(client, 1)).rejects.toThrow('not among the client’s patterns');
  });

  it('says so when a reply topic is missing, and connects once it is there', async () => {
    await expect(rig.client(['late'])).rejects.toThrow(/topic/i);
    await rig.topics(['late']);
    await rig.client(['late']);
  });

  it('leaves no group behind', async () => {
    // By this the group of this client is told from those of others on the same broker.
    const client = await rig.client(PATTERNS, { clientId: rig.topicPrefix });
    const { groups } = await rig.admin.listGroups();
    const replyGroups = groups.map(({ groupId }) => groupId).filter((id) => id.startsWith('latchkey-replies-'));
    const described = (await rig.admin.describeGroups(replyGroups)).groups;
    const own = described.filter(({ members }) => members.some(({ clientId }) => clientId === rig.topicPrefix));
    expect(own).toHaveLength(1);
    const { groupId } = own[0]!;
    await client.close();

    // The broker removes an empty one without offsets by itself.
    const [left] = (await rig.admin.describeGroups([groupId])).groups;
    expect(['Empty', 'Dead']).toContain(left?.state);
    expect(await rig.admin.fetchOffsets({ groupId })).toEqual([]);
  });
});
