import { setTimeout as delay } from 'node:timers/promises';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { type Delivery, type ListResult } from '#runtime/delivery';
import { eventually } from '#testing/eventually';
import { aGate, type Gate } from '#testing/gate';
import { setGroupOffsets } from '#testing/group-offsets';
import { anyKafka } from '#testing/kafka-process';
import { KafkaRig } from '#testing/kafka-rig';
import { requires } from '#testing/requires';
import { restMs, scaled } from '#testing/scale';
import { ServerChild } from './server-child.ts';

/** Of each caller after each answer: what it waits for needs the processor, too. */
const PAUSE_MS = restMs(5);

interface Numbered {
  readonly n: number;
}

let handled: number[];
let gate: Gate;

@Controller()
class Service {
  @MessagePattern('ask', { list: true })
  ask(@Payload() list: readonly Delivery<Numbered>[]): ListResult<object> {
    handled.push(...list.map(({ request }) => request.n));
    return list.map(({ request: { n } }) => (n < 0 ? gate.promise.then(() => ({ n })) : { n }));
  }
}

requires(anyKafka)('servers that come and go', () => {
  let rig: KafkaRig;

  beforeEach(async () => {
    handled = [];
    gate = aGate();
    rig = await KafkaRig.open(['ask'], { partitions: 4 });
  });
  afterEach(() => rig.close());

  it('hands what a killed server had taken and not answered to the next one', async () => {
    const first = await ServerChild.start(rig);
    const client = await rig.client(['ask']);
    const reply = firstValueFrom(client.send('ask', { n: 1 }));
    await first.said('took 1');
    await first.kill();
    await rig.serve(Service);

    expect(await reply).toEqual({ n: 1 });
    expect(handled).toEqual([1]);
  });

  it('would lose it where offsets are committed before the replies', async () => {
    const first = await ServerChild.start(rig, { defended: false });
    const client = await rig.client(['ask'], { drainMs: 50 });
    const reply = firstValueFrom(client.send('ask', { n: 1 })).catch(() => 'no reply');
    await first.said('took 1');
    await eventually(async () => {
      const committed = await Promise.all([0, 1, 2, 3].map((partition) => rig.committed('ask', partition)));
      return committed.includes(1);
    });
    await first.kill();
    await rig.serve(Service);

    expect(await firstValueFrom(client.send('ask', { n: 2 }))).toEqual({ n: 2 });
    expect(handled).toEqual([2]);
    await client.close();
    expect(await reply).toBe('no reply');
  });

  it('answers all while servers join and leave, none of it late', async () => {
    const client = await rig.client(['ask']);
    await rig.serve(Service);
    let isOver = false;
    let asked = 0;
    const callers = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        const n = ++asked;
        expect(await firstValueFrom(client.send('ask', { n }))).toEqual({ n });
        await delay(PAUSE_MS);
      }
    });
    for (let round = 0; round < scaled(20); round += 1) {
      const { app } = await rig.serve(Service);
      const seen = asked;
      await eventually(() => asked > seen + 50);
      await app.close();
    }
    isOver = true;
    await Promise.all(callers);

    expect(new Set(handled).size).toBe(asked);
  });

  it('ends when it has answered and committed what it took, and leaves nothing to do again', async () => {
    const client = await rig.client(['ask']);
    const { app } = await rig.serve(Service);
    const replies = [-1, 1, 2].map((n) => firstValueFrom(client.send<Numbered, Numbered>('ask', { n })));
    await eventually(() => handled.length === 3);
    const closed = app.close();
    gate.open();
    await closed;

    expect((await Promise.all(replies)).map(({ n }) => n)).toEqual([-1, 1, 2]);
    await rig.serve(Service);
    expect(await firstValueFrom(client.send('ask', { n: 3 }))).toEqual({ n: 3 });
    expect(handled).toEqual([-1, 1, 2, 3]);
  });

  it('ends in time when a handler does not, and leaves that request to the next', async () => {
    const client = await rig.client(['ask']);
    const { app } = await rig.serve(Service, undefined, { drainMs: 100 });
    const reply = firstValueFrom(client.send('ask', { n: -1 }));
    await eventually(() => handled.length === 1);
    await app.close();
    await rig.serve(Service);
    await eventually(() => handled.length === 2);
    gate.open();

    expect(await reply).toEqual({ n: -1 });
  });

  it('does not carry out again what is handed out again, when the offsets are set back, once its deadline is over', async () => {
    const client = await rig.client(['ask']);
    const { app } = await rig.serve(Service);
    // Written by hand for a deadline that is over soon.
    const deadlineMs = Date.now() + 3_000;
    await rig.producer.send({
      topic: rig.topic('ask'),
      messages: [{ value: '{"n":1}', partition: 0, headers: { latchkey_deadline: String(deadlineMs) } }],
    });
    await eventually(() => handled.includes(1));
    await app.close();
    await setGroupOffsets(rig.kafka, rig.groupId, [{ topic: rig.topic('ask'), partition: 0, offset: '0' }]);
    await eventually(async () => (await rig.committed('ask')) === 0);
    await eventually(() => Date.now() > deadlineMs);
    const { server } = await rig.serve(Service);
    await eventually(() => server.counts.expired === 1);

    expect(await firstValueFrom(client.send('ask', { n: 2 }))).toEqual({ n: 2 });
    expect(handled).toEqual([1, 2]);
  });
});
