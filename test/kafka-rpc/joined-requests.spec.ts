import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { lastValueFrom } from 'rxjs';
import { joinVerifications } from '#contracts/join-verifications';
import { type KafkaRpcClient } from '#kafka-rpc/kafka-rpc-client';
import { type Delivery, type ListResult } from '#runtime/delivery';
import { RequestRecord } from '#runtime/request-record';
import { eventually } from '#testing/eventually';
import { aGate, type Gate } from '#testing/gate';
import { anyKafka } from '#testing/kafka-process';
import { KafkaRig } from '#testing/kafka-rig';
import { requires } from '#testing/requires';

interface Numbered {
  readonly n: number;
  /** The reply has so many characters beside. */
  readonly pad?: number;
}

const PATTERNS = ['joined'];
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

requires(anyKafka)('requests that a client joins', () => {
  let rig: KafkaRig;

  beforeEach(async () => {
    lists = [];
    gate = aGate();
    rig = await KafkaRig.open(PATTERNS);
  });
  afterEach(() => rig.close());

  const joining = { joined: joinVerifications };
  const ask = (client: KafkaRpcClient, n: number, deadlineMs?: number) =>
    lastValueFrom(
      client.send<Numbered>('joined', new RequestRecord({ n }, deadlineMs === undefined ? {} : { deadlineMs })),
    );
  const outcome = (reply: Promise<unknown>) => reply.catch((error: unknown) => (error as Error).name);

  it('lets each caller of a joined message keep its own deadline, and the message have the latest', async () => {
    await rig.serve(Service);
    const client = await rig.client(PATTERNS, { joining });
    const laterMs = Date.now() + 20_000;
    const soon = outcome(ask(client, -1, Date.now() + 500));
    const later = ask(client, -2, laterMs);

    expect(await soon).toBe('RequestExpired');
    // On a busy machine it may come later than that.
    await eventually(() => lists.length > 0);
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
      return ask(client, 101 + n);
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
});
