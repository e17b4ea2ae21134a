import { Controller } from '@nestjs/common';
import { ClientKafka, MessagePattern, Payload } from '@nestjs/microservices';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type IHeaders } from 'kafkajs';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { joinVerifications } from '#contracts/join-verifications';
import { type KafkaRpcClient } from '#kafka-rpc/kafka-rpc-client';
import { type Delivery, type ListResult } from '#runtime/delivery';
import { RequestRecord } from '#runtime/request-record';
import { kafkaServer, type OwnKafka, startKafka } from '#testing/kafka-process';
import { requires } from '#testing/requires';
import { aGate, eventually, type Gate, Rig } from './rig.ts';

interface Numbered {
  readonly n: number;
  /** The reply has so many characters beside. */
  readonly pad?: number;
}

const PATTERNS = ['joined', 'unserved'];
let lists: (readonly Delivery<Numbered | { items: readonly Numbered[] }>[])[];
let gate: Gate;

/** A negative number waits for the gate; 13 and 14 make the reply one to its whole message: a refusal, a success. */
@Controller()
class Service {
  @MessagePattern('joined', { list: true })
  joined(@Payload() list: readonly Delivery<Numbered | { items: readonly Numbered[] }>[]): ListResult<object> {
    lists.push(list);
    return list.map(({ request }) => {
      const numbers = 'items' in request ? request.items.map(({ n }) => n) : [request.n];
      if (numbers.includes(13)) return { ok: false, code: 'UNLUCKY' };
      if (numbers.includes(14)) return { valid: true };
      const one = ({ n, pad }: Numbered) => (pad === undefined ? { n } : { n, pad: 'x'.repeat(pad) });
      const reply = 'items' in request ? { results: request.items.map(one) } : one(request);
      return numbers.some((n) => n < 0) ? gate.promise.then(() => reply) : reply;
    });
  }
}

requires(kafkaServer)('the client', () => {
  let kafka: OwnKafka;
  let rig: Rig;

  beforeAll(async () => {
    kafka = await startKafka();
  });
  afterAll(() => kafka.stop());
  beforeEach(async () => {
    lists = [];
    gate = aGate();
    rig = await Rig.open(kafka.brokers, PATTERNS);
  });
  afterEach(() => rig.close());

  const joining = { joined: joinVerifications };
  const ask = (client: KafkaRpcClient, n: number, deadlineMs?: number, pattern = 'joined') =>
    lastValueFrom(
      client.send<Numbered>(pattern, new RequestRecord({ n }, deadlineMs === undefined ? {} : { deadlineMs })),
    );
  const outcome = (reply: Promise<unknown>) => reply.catch((error: unknown) => (error as Error).name);
  const text = (headers: IHeaders | undefined, name: string) => String(headers?.[`kafka_${name}`]);

  it('lets each caller of a joined message keep its own deadline, and the message have the latest', async () => {
    await rig.serve(Service);
    const client = await rig.client(PATTERNS, { joining });
    const laterMs = Date.now() + 20_000;
    const soon = outcome(ask(client, -1, Date.now() + 500));
    const later = ask(client, -2, laterMs);

    expect(await soon).toBe('RequestExpired');
    expect(lists.flat().map(({ request, deadlineMs }) => ({ request, deadlineMs }))).toEqual([
      { request: { items: [{ n: -1 }, { n: -2 }] }, deadlineMs: laterMs },
    ]);
    gate.open();
    expect(await later).toEqual({ n: -2 });
  });

  it('joins what comes while a request is under way', async () => {
    await rig.serve(Service);
    const client = await rig.client(PATTERNS, { joining });
    const first = ask(client, 0);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const rest = Array.from({ length: 20 }, async (_, n) => {
      for (let turn = 0; turn < n; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      return ask(client, n + 1);
    });
    await Promise.all([first, ...rest]);

    const sizes = lists.flat().map(({ request }) => ('items' in request ? request.items.length : 1));
    expect(sizes[0]).toBe(1);
    expect(sizes.length).toBeLessThan(10);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(21);
  });

  it('sends others on while a reply is late', async () => {
    await rig.serve(Service);
    const client = await rig.client(PATTERNS, { joining });
    const late = ask(client, -1);
    await eventually(() => lists.length === 1);

    expect(await ask(client, 1)).toEqual({ n: 1 });
    gate.open();
    expect(await late).toEqual({ n: -1 });
  });

  it('asks in halves for what is too large a reply together, with the deadlines as they were', async () => {
    await rig.serve(Service);
    const client = await rig.client(PATTERNS, { joining });
    const deadlineMs = Date.now() + 20_000;
    const asked = Array.from({ length: 40 }, (_, n) =>
      lastValueFrom(
        client.send<{ n: number; pad: string }>(
          'joined',
          new RequestRecord({ n: 100 + n, pad: 100_000 }, { deadlineMs }),
        ),
      ),
    );
    const replies = await Promise.all(asked);

    expect(replies.map(({ n, pad }) => [n, pad.length])).toEqual(replies.map((_, n) => [100 + n, 100_000]));
    const taken = lists.flat();
    const sizes = taken.map(({ request }) => ('items' in request ? request.items.length : 1));
    expect(sizes.toSorted((a, b) => b - a)).toEqual([40, 20, 20, 10, 10, 10, 10, 5, 5, 5, 5, 5, 5, 5, 5]);
    expect(new Set(taken.map((delivery) => delivery.deadlineMs))).toEqual(new Set([deadlineMs]));
  });

  it('lets a reply that is too large by itself fail alone', async () => {
    await rig.serve(Service);
    const client = await rig.client(PATTERNS, { joining });
    const send = (request: Numbered) => lastValueFrom(client.send<Numbered>('joined', request));
    const large = send({ n: 1, pad: 1_000_000 });
    const others = [send({ n: 2 }), send({ n: 3 })];

    await expect(large).rejects.toMatchObject({ code: 'REPLY_TOO_LARGE' });
    expect(await Promise.all(others)).toEqual([{ n: 2 }, { n: 3 }]);
  });

  it('takes a success that is one to the whole for nobody’s', async () => {
    await rig.serve(Service);
    const client = await rig.client(PATTERNS, { joining });
    const replies = [ask(client, 1), ask(client, 14)];

    for (const reply of replies) await expect(reply).rejects.toThrow('does not come apart');
    // Alone it is what was asked for.
    expect(await ask(client, 14)).toEqual({ valid: true });
  });

  it('gives a refusal of the whole to each of its callers', async () => {
    await rig.serve(Service);
    const client = await rig.client(PATTERNS, { joining });

    expect(await Promise.all([ask(client, 1), ask(client, 13)])).toEqual([
      { ok: false, code: 'UNLUCKY' },
      { ok: false, code: 'UNLUCKY' },
    ]);
  });

  it('shares a reply partition with another client without a word between them', async () => {
    await rig.serve(Service);
    const clients = [
      await rig.client(PATTERNS, { joining, replyPartition: 1 }),
      await rig.client(PATTERNS, { joining, replyPartition: 1 }),
    ];
    const replies = await Promise.all(Array.from({ length: 40 }, (_, n) => ask(clients[n % 2]!, n + 100)));

    expect(replies).toEqual(Array.from({ length: 40 }, (_, n) => ({ n: n + 100 })));
  });

  it('takes no reply but one with the id of a request of its own', async () => {
    const requests = await rig.read(rig.topic('unserved'));
    const client = await rig.client(PATTERNS, { replyPartition: 0 });
    const reply = ask(client, 1, undefined, 'unserved');
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
    // The id's random part is 22 characters; what follows can be guessed.
    await forge(`${'A'.repeat(22)}${id.slice(22)}`, '{"forged":1}');
    await forge(id.slice(22), '{"forged":2}');
    await forge(`${id}0`, '{"forged":3}');
    await forge('', '{"forged":4}');
    await forge([id, id], '{"forged":5}');
    await forge('__proto__', '{"forged":6}');
    // And this one shows that a forged one that was taken would be seen.
    await forge(id, '{"taken":true}');

    expect(await reply).toEqual({ taken: true });
    expect(id.length).toBeGreaterThan(22);
  });

  it('tells a caller that no reply came, when none does, where stock Nest lets it wait for ever', async () => {
    const client = await rig.client(PATTERNS);
    const stock = new ClientKafka({ client: { brokers: [...kafka.brokers] }, consumer: { groupId: rig.groupId } });
    stock.subscribeToResponseOf(rig.topic('unserved'));
    await stock.connect();
    let stockIsWaiting = true;
    firstValueFrom(stock.send(rig.topic('unserved'), { n: 1 })).then(
      () => (stockIsWaiting = false),
      () => (stockIsWaiting = false),
    );

    expect(await outcome(ask(client, 1, Date.now() + 1_000, 'unserved'))).toBe('RequestExpired');
    expect(stockIsWaiting).toBe(true);
    await stock.close();
  });

  it('refuses at once what is more than it may keep, and takes more when some is given up', async () => {
    const client = await rig.client(PATTERNS, { maxPending: 2 });
    const first = client.send('unserved', { n: 1 }).subscribe();
    const second = client.send('unserved', { n: 2 }).subscribe();
    expect(await outcome(ask(client, 3, undefined, 'unserved'))).toBe('TransportOverloaded');

    first.unsubscribe();
    expect(await outcome(ask(client, 4, Date.now() + 200, 'unserved'))).toBe('RequestExpired');
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

  it('keeps to its bounds in what was given up, too, while the broker is silent', async () => {
    const client = await rig.client(PATTERNS, { maxPendingBytes: 1_000_000 });
    const fill = (size: number) => client.send('unserved', 'x'.repeat(size)).subscribe({ error: () => undefined });
    const large = (size: number) => {
      const record = new RequestRecord('x'.repeat(size), { deadlineMs: Date.now() + 300 });
      return outcome(firstValueFrom(client.send('unserved', record)));
    };
    // An answer shows that nothing is under way any more.
    await rig.serve(Service);
    expect(await ask(client, 1)).toEqual({ n: 1 });
    await kafka.pause();
    try {
      const underWay = fill(500_000);
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      underWay.unsubscribe();
      // It hangs on its way, and nobody can take it back.
      expect(await large(600_000)).toBe('TransportOverloaded');

      fill(400_000).unsubscribe();
      // That one only waits behind it, and makes room.
      expect(await large(400_000)).toBe('RequestExpired');
    } finally {
      await kafka.resume();
    }
    await eventually(async () => (await large(600_000)) === 'RequestExpired');
  });

  it('does not send what is past its deadline', async () => {
    const requests = await rig.read(rig.topic('unserved'));
    const client = await rig.client(PATTERNS);
    expect(await outcome(ask(client, 1, Date.now() - 1, 'unserved'))).toBe('RequestExpired');
    void outcome(ask(client, 2, undefined, 'unserved'));

    const messages = await requests.until(({ length }) => length > 0);
    expect(messages.map(({ value }) => String(value))).toEqual(['{"n":2}']);
  });

  it('tells those who wait that it was closed, and everyone after them', async () => {
    const client = await rig.client(PATTERNS, { drainMs: 50 });
    const waiting = outcome(ask(client, 1, undefined, 'unserved'));
    await new Promise((resolve) => setImmediate(resolve));
    await client.close();

    expect(await waiting).toBe('TransportClosed');
    expect(await outcome(ask(client, 2, undefined, 'unserved'))).toBe('TransportClosed');
  });

  it('refuses a pattern that it reads no replies to', async () => {
    const client = await rig.client(['joined']);

    await expect(ask(client, 1, undefined, 'unserved')).rejects.toThrow('not among the client’s patterns');
  });

  it('says so when a reply topic is missing, and connects once it is there', async () => {
    await expect(rig.client(['late'])).rejects.toThrow(/topic/i);
    await rig.topics(['late']);
    await rig.client(['late']);
  });

  it('leaves no group behind', async () => {
    const client = await rig.client(PATTERNS);
    const groups = async () => (await rig.admin.listGroups()).groups.map(({ groupId }) => groupId);
    const others = (await groups()).filter((id) => !id.startsWith('latchkey-replies-'));
    expect((await groups()).length).toBeGreaterThan(others.length);
    await client.close();
    const left = (await groups()).filter((id) => id.startsWith('latchkey-replies-'));
    const states = left.length === 0 ? [] : (await rig.admin.describeGroups(left)).groups;

    // The broker removes empty ones without offsets by itself.
    expect(states.filter(({ state }) => state !== 'Empty' && state !== 'Dead')).toEqual([]);
    for (const groupId of left) expect(await rig.admin.fetchOffsets({ groupId })).toEqual([]);
  });
});
