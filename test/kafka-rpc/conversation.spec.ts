import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, of, toArray } from 'rxjs';
import { joinVerifications } from '#contracts/join-verifications';
import { type KafkaRpcClient } from '#kafka-rpc/kafka-rpc-client';
import { type KafkaListContext } from '#kafka-rpc/kafka-rpc-server';
import { type Delivery, type ListResult } from '#runtime/delivery';
import { anyKafka } from '#testing/kafka-process';
import { KafkaRig } from '#testing/kafka-rig';
import { requires } from '#testing/requires';

interface Numbered {
  readonly n: number;
}
interface Items {
  readonly items: readonly Numbered[];
}

const PATTERNS = ['double', 'joined', 'echo', 'stream', 'refused', 'noted'];
let lists: (readonly Delivery<unknown>[])[] = [];
let noted: unknown[] = [];
let origin: { topic: string; partition: number } | undefined;
let onNoted: () => void = () => undefined;

@Controller()
class Service {
  @MessagePattern('double', { list: true })
  double(@Payload() list: readonly Delivery<Numbered>[], @Ctx() context: KafkaListContext): ListResult<object> {
    lists.push(list);
    origin = { topic: context.getTopic(), partition: context.getPartition() };
    return list.map(({ request }) => ({ n: request.n * 2 }));
  }

  @MessagePattern('joined', { list: true })
  joined(@Payload() list: readonly Delivery<Numbered | Items>[]): ListResult<object> {
    lists.push(list);
    return list.map(({ request }) =>
      'items' in request ? { results: request.items.map(({ n }) => ({ n: n + 1 })) } : { n: request.n + 1 },
    );
  }

  @MessagePattern('echo')
  echo(@Payload() payload: unknown): unknown {
    return payload;
  }

  @MessagePattern('stream')
  stream(): unknown {
    return of({ n: 1 }, { n: 2 }, { n: 3 });
  }

  @MessagePattern('refused')
  refused(): never {
    throw new RpcException({ code: 'NO' });
  }

  @EventPattern('noted', { list: true })
  noted(@Payload() list: readonly Delivery<unknown>[]): void {
    noted.push(...list.map(({ request }) => request));
    onNoted();
  }
}

requires(anyKafka)('a conversation over Kafka', () => {
  let rig: KafkaRig;
  let client: KafkaRpcClient;

  beforeAll(async () => {
    rig = await KafkaRig.open(PATTERNS);
    await rig.serve(Service);
    client = await rig.client(PATTERNS, { joining: { joined: joinVerifications } });
  });
  afterAll(() => rig.close());
  beforeEach(() => {
    lists = [];
    noted = [];
  });

  const ask = <R>(pattern: string, request: unknown) => firstValueFrom(client.send<R>(pattern, request));

  it('answers one request, and shows the handler where it came from', async () => {
    expect(await ask('double', { n: 21 })).toEqual({ n: 42 });
    expect(origin).toEqual({ topic: 'double', partition: 0 });
  });

  it('takes what was sent in one turn as one list, in order', async () => {
    const replies = await Promise.all(Array.from({ length: 100 }, (_, n) => ask('double', { n })));

    expect(replies).toEqual(Array.from({ length: 100 }, (_, n) => ({ n: n * 2 })));
    expect(lists.map((list) => list.length)).toEqual([100]);
  });

  it('joins the requests of a topic that allows it into one message', async () => {
    const replies = await Promise.all(Array.from({ length: 100 }, (_, n) => ask('joined', { n })));

    expect(replies).toEqual(Array.from({ length: 100 }, (_, n) => ({ n: n + 1 })));
    expect(lists.flat().map(({ request }) => (request as Items).items.length)).toEqual([100]);
  });

  it('gives an unmarked handler one request and the caller its reply', async () => {
    expect(await ask('echo', { text: 'ä' })).toEqual({ text: 'ä' });
  });

  it('passes on every value of a stream', async () => {
    const values = await lastValueFrom(client.send<Numbered, object>('stream', {}).pipe(toArray()));

    expect(values).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it('passes on what a handler threw', async () => {
    await expect(ask('refused', {})).rejects.toEqual({ code: 'NO' });
  });

  it('hands events over', async () => {
    const heard = new Promise<void>((resolve) => (onNoted = resolve));
    await lastValueFrom(client.emit('noted', { n: 1 }), { defaultValue: undefined });
    await heard;

    expect(noted).toEqual([{ n: 1 }]);
  });
});
