import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type WritePacket } from '@nestjs/microservices';
import { type BusMessage, InProcessBus } from '#runtime/in-process-bus';
import { InProcessClient } from '#runtime/in-process-client';
import { RequestRecord } from '#runtime/request-record';
import { type Ask, askByObservable } from './request-transport.ts';

describe.each<[string, (client: InProcessClient) => Ask]>([
  ['that a transport asks itself', (client) => client.ask.bind(client)],
  ['that is asked by an Observable', (client) => askByObservable({ send: client.send.bind(client) })],
])('a request %s', (_, askOf) => {
  let client: InProcessClient;
  let ask: Ask;
  let arrived: Promise<BusMessage>;

  beforeEach(() => {
    const bus = new InProcessBus();
    arrived = new Promise((resolve) => {
      bus.attach({
        isListening: true,
        handles: () => 'requests',
        receive: (_topic, messages) => messages.forEach(resolve),
      });
    });
    client = new InProcessClient(bus, { drainMs: 0 });
    ask = askOf(client);
  });
  afterEach(() => client.close());

  /** What is received until nothing more can come, and the way to give it up. */
  function asked(forMs: number) {
    const packets: WritePacket<unknown>[] = [];
    let giveUp: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      giveUp = ask('topic', new RequestRecord({ n: 1 }, { deadlineMs: Date.now() + forMs }), (packet) => {
        packets.push(packet);
        if (packet.isDisposed === true || packet.err !== undefined) resolve();
      });
    });
    return { packets, over, giveUp: () => giveUp() };
  }

  it('gets its reply', async () => {
    const { packets, over } = asked(10_000);
    (await arrived).reply({ response: '{"n":2}', isDisposed: true });
    await over;
    expect(packets.map(({ response }) => response).filter((response) => response !== undefined)).toEqual([{ n: 2 }]);
  });

  it('gets each of several replies', async () => {
    const { packets, over } = asked(10_000);
    const message = await arrived;
    message.reply({ response: '{"n":2}', isDisposed: false });
    message.reply({ response: '{"n":3}', isDisposed: true });
    await over;
    expect(packets.map(({ response }) => response).filter((response) => response !== undefined)).toEqual([
      { n: 2 },
      { n: 3 },
    ]);
  });

  it('gets an error, and nothing after it', async () => {
    const { packets, over } = asked(10_000);
    const message = await arrived;
    message.reply({ err: 'broken' });
    message.reply({ response: '{"n":2}', isDisposed: true });
    await over;
    expect(packets).toEqual([expect.objectContaining({ err: 'broken' })]);
  });

  it('expires', async () => {
    const { packets, over } = asked(20);
    await over;
    expect(packets).toEqual([{ err: expect.objectContaining({ name: 'RequestExpired' }), isDisposed: true }]);
  });

  it('gets nothing once it is given up', async () => {
    const { packets, giveUp } = asked(10_000);
    const message = await arrived;
    giveUp();
    message.reply({ response: '{"n":2}', isDisposed: true });
    await client.close();
    expect(packets).toEqual([]);
  });

  it('fails when its client is closed', async () => {
    await client.close();
    const { packets, over } = asked(10_000);
    await over;
    expect(packets).toEqual([expect.objectContaining({ err: expect.objectContaining({ name: 'TransportClosed' }) })]);
  });
});
