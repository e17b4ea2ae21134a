import {
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type INestMicroservice,
  type NestApplicationOptions,
  Module,
  type NestInterceptor,
  type PipeTransform,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type CustomStrategy, Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, map, of, throwError, toArray } from 'rxjs';
import { z } from 'zod';
import { type Delivery, type ListResult, MAX_DEADLINE_MS } from './delivery.ts';
import { InProcessBus } from './in-process-bus.ts';
import { InProcessClient, MAX_LIST } from './in-process-client.ts';
import { InProcessContext, InProcessServer } from './in-process-server.ts';
import { type MessageContract } from './list-dispatch.ts';
import { RequestExpired, TransportClosed } from './request-errors.ts';
import { RequestRecord } from './request-record.ts';

interface Numbered {
  readonly n: number;
}
type List = readonly Delivery<Numbered>[];

const INTERNAL = { status: 'error', message: 'Internal server error' };
const numbered = z.object({ n: z.number().max(1_000_000) });
const contract: MessageContract = {
  requestSchema: (topic) => (topic.startsWith('list.') ? numbered : undefined),
  refuse: (_, error) => ({ ok: false, field: error.issues[0]?.path[0] }),
};

/** What each piece saw, in order: a list piece notes one entry per list. */
let seen: { guard: unknown[]; interceptor: unknown[]; pipe: unknown[]; filter: unknown[]; lists: List[] };
let events: unknown[];
/** Lets a handler wait for its test. */
let gate: { promise: Promise<void>; open: () => void };

class CountingGuard implements CanActivate {
  canActivate(context: Parameters<CanActivate['canActivate']>[0]): boolean {
    seen.guard.push(context.switchToRpc().getData());
    return true;
  }
}
const countingInterceptor: NestInterceptor = {
  intercept: (_, next) => {
    seen.interceptor.push('in');
    return next.handle().pipe(map((result: unknown) => result));
  },
};
const countingPipe: PipeTransform = {
  transform: (value: unknown) => {
    seen.pipe.push(value);
    return value;
  },
};
@Catch()
class CountingFilter implements ExceptionFilter {
  catch(exception: Error) {
    seen.filter.push(exception);
    return throwError(() => ({ ok: false, code: 'FILTERED' }));
  }
}

@Controller()
class ListController {
  @MessagePattern('list.double', { list: true })
  @UseGuards(CountingGuard)
  @UseInterceptors(countingInterceptor)
  double(@Payload(countingPipe) list: List, @Ctx() context: InProcessContext): ListResult<object> {
    seen.lists.push(list);
    return list.map(({ request }) => ({ n: request.n * 2, topic: context.getTopic() }));
  }

  @MessagePattern('list.guarded', { list: true })
  @UseGuards({ canActivate: () => false })
  guarded(@Payload() list: List): ListResult<object> {
    return list.map(() => ({}));
  }

  @MessagePattern('list.filtered', { list: true })
  @UseFilters(CountingFilter)
  filtered(@Payload() list: List): ListResult<object> {
    throw new Error(`secret ${list.length}`);
  }

  @MessagePattern('list.rpc-exception', { list: true })
  rpcException(@Payload() list: List): ListResult<object> {
    throw list[0]?.request.n === 0 ? new RpcException('no') : new RpcException({ ok: false, code: 'NO' });
  }

  @MessagePattern('list.throws', { list: true })
  throws(): ListResult<object> {
    throw new Error('the secret cause');
  }

  @MessagePattern('list.short', { list: true })
  short(@Payload() list: List): ListResult<object> {
    return list.slice(1).map(() => ({}));
  }

  @MessagePattern('list.no-list', { list: true })
  noList(): unknown {
    return { ok: true };
  }

  @MessagePattern('list.mixed', { list: true })
  mixed(@Payload() list: List): ListResult<object> {
    return list.map(({ request: { n } }) => {
      if (n === 0) return { n };
      return gate.promise.then(() => {
        if (n === 1) throw new RpcException({ code: 'ONE' });
        if (n === 2) throw new Error('the secret cause');
        return { n };
      });
    });
  }

  @MessagePattern('list.odd-replies', { list: true })
  oddReplies(): ListResult<unknown> {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    return [{ fine: true }, { big: 1n }, cycle, undefined, { key: 'k' }, false];
  }

  @MessagePattern('list.slow', { list: true })
  async slow(@Payload() list: List): Promise<ListResult<object>> {
    seen.lists.push(list);
    await gate.promise;
    return list.map(({ request }) => request);
  }

  @EventPattern('list.noted', { list: true })
  noted(@Payload() list: List): void {
    events.push(list.map(({ request }) => request));
  }
}

@Controller()
class SingleController {
  @MessagePattern('single.echo')
  @UseGuards(CountingGuard)
  echo(@Payload() payload: unknown): unknown {
    return payload;
  }

  @MessagePattern('single.nothing')
  nothing(): void {
    return undefined;
  }

  @MessagePattern('single.stream')
  stream(): unknown {
    return of({ n: 1 }, { n: 2 }, { n: 3 });
  }

  @MessagePattern('single.rpc-exception')
  rpcException(): never {
    throw new RpcException('no');
  }

  @MessagePattern('single.throws')
  throws(): never {
    throw new Error('the secret cause');
  }

  @MessagePattern('single.slow')
  async slow(@Payload() payload: unknown): Promise<unknown> {
    events.push(payload);
    await gate.promise;
    return payload;
  }

  @MessagePattern('__proto__')
  proto(): object {
    return { ok: '__proto__' };
  }

  @MessagePattern('constructor')
  theConstructor(): object {
    return { ok: 'constructor' };
  }

  @EventPattern('single.noted')
  noted(@Payload() payload: unknown): void {
    events.push(payload);
  }

  @EventPattern('single.failing-event')
  failingEvent(@Payload() _payload: unknown): void {
    throw new Error('nobody to tell');
  }
}

@Module({ controllers: [ListController, SingleController] })
class TestModule {}

let bus: InProcessBus;
let server: InProcessServer;
let client: InProcessClient;
let app: INestMicroservice;

beforeEach(async () => {
  seen = { guard: [], interceptor: [], pipe: [], filter: [], lists: [] };
  events = [];
  let open: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => (open = resolve));
  gate = { promise, open };
  bus = new InProcessBus();
  server = new InProcessServer(bus, contract, { drainMs: 50 });
  client = new InProcessClient(bus, { drainMs: 50 });
  app = await createApp(server);
  await app.listen();
});

afterEach(async () => {
  gate.open();
  await client.close();
  await app.close();
});

function createApp(strategy: InProcessServer): Promise<INestMicroservice> {
  const options: Pick<NestApplicationOptions, 'logger'> & CustomStrategy = { strategy, logger: false };
  return NestFactory.createMicroservice(TestModule, options);
}
const ask = (topic: string, request: unknown) => firstValueFrom(client.send<unknown>(topic, request));
const outcomes = (topic: string, requests: readonly unknown[]) =>
  Promise.allSettled(requests.map((request) => ask(topic, request))).then((settled) =>
    settled.map((one) => (one.status === 'fulfilled' ? one.value : { thrown: one.reason as unknown })),
  );

describe('a list handler', () => {
  it('gets what one turn brings as one list, in order, and answers each alone', async () => {
    const before = Date.now();
    const replies = await outcomes('list.double', [{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(replies).toEqual([2, 4, 6].map((n) => ({ n, topic: 'list.double' })));
    expect(seen.lists.map((list) => list.map(({ request }) => request.n))).toEqual([[1, 2, 3]]);
    const { receivedAtMs, deadlineMs } = seen.lists[0]![0]!;
    expect(receivedAtMs).toBeGreaterThanOrEqual(before);
    expect(deadlineMs).toBeLessThanOrEqual(receivedAtMs + MAX_DEADLINE_MS);
    expect(deadlineMs).toBeGreaterThanOrEqual(before + MAX_DEADLINE_MS);
  });

  it('passes its guard, interceptor and pipe once per list', async () => {
    await outcomes('list.double', [{ n: 1 }, { n: 2 }, { n: 3 }]);
    await outcomes('list.double', [{ n: 4 }, { n: 5 }]);
    expect([seen.guard.length, seen.interceptor.length, seen.pipe.length]).toEqual([2, 2, 2]);
    expect(seen.guard[0]).toHaveLength(3);
  });

  it('gets at most 512 at once', async () => {
    await outcomes(
      'list.double',
      Array.from({ length: MAX_LIST * 2 + 1 }, (_, n) => ({ n })),
    );
    expect(seen.lists.map((list) => list.length)).toEqual([MAX_LIST, MAX_LIST, 1]);
    expect(seen.lists.flat().map(({ request }) => request.n)).toEqual(Array.from({ length: 1025 }, (_, n) => n));
  });

  it('never sees an item that its contract refuses; the refusal is that item alone', async () => {
    const poison = [{ n: 'x' }, 'text', '{"n":', [], { n: 1e9 }, { __proto__: { n: 1 } }, 0];
    const replies = await outcomes('list.double', [{ n: 1 }, ...poison, { n: 2, extra: true }]);
    expect(replies.map((reply) => (reply as { ok?: boolean }).ok)).toEqual([
      undefined,
      ...poison.map(() => false),
      undefined,
    ]);
    expect(seen.lists.map((list) => list.map(({ request }) => request))).toEqual([[{ n: 1 }, { n: 2 }]]);
  });

  it('is not called when nothing of the list is left', async () => {
    expect(await outcomes('list.throws', [{ n: 'x' }])).toEqual([{ ok: false, field: 'n' }]);
  });

  it.each([
    ['a guard that says no', 'list.guarded', [1, 2], { status: 'error', message: 'Forbidden resource' }],
    ['an RpcException of a text', 'list.rpc-exception', [0, 1], { status: 'error', message: 'no' }],
    ['an RpcException of an object', 'list.rpc-exception', [1, 0], { ok: false, code: 'NO' }],
    ['an error, whose cause stays here', 'list.throws', [1, 2], INTERNAL],
    ['a result too few', 'list.short', [1, 2], INTERNAL],
    ['a result that is no list', 'list.no-list', [1, 2], INTERNAL],
  ])('answers every item after %s', async (_, topic, numbers, thrown) => {
    expect(
      await outcomes(
        topic,
        numbers.map((n) => ({ n })),
      ),
    ).toEqual(numbers.map(() => ({ thrown })));
  });

  it('passes its filter once per list, and what that throws answers every item', async () => {
    const replies = await outcomes('list.filtered', [{ n: 1 }, { n: 2 }]);
    expect(replies).toEqual([1, 2].map(() => ({ thrown: { ok: false, code: 'FILTERED' } })));
    expect(seen.filter.map(String)).toEqual(['Error: secret 2']);
  });

  it('answers ready items at once and promised ones each when it settles', async () => {
    const settled: unknown[] = [];
    const all = [3, 2, 1, 0].map((n) =>
      ask('list.mixed', { n }).then(
        (reply) => settled.push(reply),
        (error: unknown) => settled.push(error),
      ),
    );
    await all[3];
    expect(settled).toEqual([{ n: 0 }]);
    gate.open();
    await Promise.all(all);
    expect(settled.slice(1)).toHaveLength(3);
    expect(settled).toEqual(expect.arrayContaining([{ n: 3 }, INTERNAL, { code: 'ONE' }]));
  });

  it('fails one item alone whose reply cannot be sent, and sends the others as Kafka would', async () => {
    const replies = await outcomes(
      'list.odd-replies',
      [1, 2, 3, 4, 5, 6].map((n) => ({ n })),
    );
    const failed = { thrown: INTERNAL };
    expect(replies).toEqual([{ fine: true }, failed, failed, null, failed, 'false']);
  });

  it('gets events as a list, too', async () => {
    await Promise.all([1, 2].map((n) => lastValueFrom(client.emit('list.noted', { n }), { defaultValue: undefined })));
    await server.close();
    expect(events).toEqual([[{ n: 1 }, { n: 2 }]]);
  });
});

describe('an unmarked handler', () => {
  it('gets one message at a time, through its guard each time', async () => {
    expect(await outcomes('single.echo', [{ a: 1 }, { b: [2] }])).toEqual([{ a: 1 }, { b: [2] }]);
    expect(seen.guard).toEqual([{ a: 1 }, { b: [2] }]);
  });

  it('gets a copy of what was sent', async () => {
    const sent = { nested: { n: 1 } };
    const reply = (await ask('single.echo', sent)) as typeof sent;
    sent.nested.n = 2;
    expect(reply.nested.n).toBe(1);
    expect((seen.guard[0] as typeof sent).nested.n).toBe(1);
  });

  it('replies null for nothing, and every value of a stream', async () => {
    expect(await ask('single.nothing', {})).toBeNull();
    expect(await lastValueFrom(client.send('single.stream', {}).pipe(toArray()))).toEqual([
      { n: 1 },
      { n: 2 },
      { n: 3 },
    ]);
  });

  it('fails as stock Nest does', async () => {
    await expect(ask('single.rpc-exception', {})).rejects.toEqual({ status: 'error', message: 'no' });
    await expect(ask('single.throws', {})).rejects.toEqual(INTERNAL);
  });

  it.each([['__proto__'], ['constructor']])('may be called %s', async (topic) => {
    expect(await ask(topic, {})).toEqual({ ok: topic });
  });

  it('gets events, and one that fails harms nobody', async () => {
    await lastValueFrom(client.emit('single.failing-event', {}), { defaultValue: undefined });
    await lastValueFrom(client.emit('single.noted', { n: 1 }), { defaultValue: undefined });
    expect(await ask('single.echo', { still: 'here' })).toEqual({ still: 'here' });
    await server.close();
    expect(events).toEqual([{ n: 1 }]);
  });
});

describe('a caller', () => {
  it.each([['nobody'], ['hasOwnProperty'], ['valueOf']])('is told when there is no handler for %s', async (topic) => {
    await expect(ask(topic, {})).rejects.toBe('There is no matching message handler defined in the remote service.');
  });

  it('alone fails with a payload that cannot be sent', async () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const replies = await outcomes('list.double', [{ n: 1 }, { n: 1n }, cycle, { value: 1 }, () => 1, { n: 2 }]);
    const thrown = { thrown: expect.any(TypeError) as unknown };
    expect(replies).toEqual([expect.objectContaining({ n: 2 }), thrown, thrown, thrown, thrown, expect.anything()]);
    expect(seen.lists[0]).toHaveLength(2);
  });

  it('is told that its request expired when no reply comes in time', async () => {
    const request = new RequestRecord({ n: 1 }, { deadlineMs: Date.now() + 300 });
    await expect(ask('list.slow', request)).rejects.toBeInstanceOf(RequestExpired);
    expect(seen.lists[0]![0]!.deadlineMs).toBe(request.options.deadlineMs);
  });

  it('never sends what has expired', async () => {
    const request = new RequestRecord({ n: 1 }, { deadlineMs: Date.now() - 1 });
    await expect(ask('list.slow', request)).rejects.toBeInstanceOf(RequestExpired);
    await ask('single.echo', {});
    expect([seen.lists, server.expired]).toEqual([[], 0]);
  });

  it('may ask for no more than 30 s', async () => {
    await ask('list.double', new RequestRecord({ n: 1 }, { deadlineMs: Date.now() + 3_600_000 }));
    const [delivery] = seen.lists[0]!;
    expect(delivery!.deadlineMs).toBeLessThanOrEqual(delivery!.receivedAtMs + MAX_DEADLINE_MS);
  });

  it.each([NaN, Infinity, 1.5])('cannot ask for a deadline of %d', (deadlineMs) => {
    expect(() => new RequestRecord({ n: 1 }, { deadlineMs })).toThrow(RangeError);
  });

  it('gives a request up by unsubscribing, before it is sent and after', async () => {
    const queued = client.send('list.slow', { n: 1 }).subscribe();
    // After the microtasks that lead to the queue, before the turn ends.
    await new Promise((resolve) => process.nextTick(resolve));
    queued.unsubscribe();
    let late = 0;
    const sent = client.send('list.slow', { n: 2 }).subscribe(() => (late += 1));
    await ask('single.echo', {});
    expect(seen.lists.map((list) => list.map(({ request }) => request.n))).toEqual([[2]]);
    sent.unsubscribe();
    gate.open();
    await ask('list.slow', { n: 3 });
    expect(late).toBe(0);
  });

  it('gets nothing from a client that was closed', async () => {
    await client.close();
    await expect(ask('single.echo', {})).rejects.toBeInstanceOf(TransportClosed);
  });

  it('is told when its client closes under a request that does not end', async () => {
    const reply = ask('list.slow', { n: 1 });
    const told = expect(reply).rejects.toBeInstanceOf(TransportClosed);
    await ask('single.echo', {});
    await client.close();
    await told;
  });
});

describe('a server', () => {
  it('drops what expired on the way, and counts it', async () => {
    const replies: unknown[] = [];
    const late = { kind: 'request', text: '{"n":1}', deadlineMs: Date.now() - 1 } as const;
    const reply = (one: unknown) => replies.push(one);
    bus.deliver('list.double', [
      { ...late, reply },
      { ...late, reply },
    ]);
    bus.deliver('single.echo', [{ ...late, reply }]);
    await ask('list.double', { n: 2 });
    expect(server.expired).toBe(3);
    expect(replies).toEqual([]);
    expect(seen.lists).toHaveLength(1);
  });

  it('finishes what is under way when it closes, and takes nothing new', async () => {
    const replies = [ask('list.slow', { n: 1 }), ask('single.slow', { n: 2 })];
    await ask('single.echo', {});
    const closed = server.close();
    await expect(ask('single.echo', {})).rejects.toBeInstanceOf(TransportClosed);
    gate.open();
    await closed;
    expect(await Promise.all(replies)).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('tells the callers of what does not end within the bound', async () => {
    const all = outcomes('list.slow', [{ n: 1 }, { n: 2 }]);
    await ask('single.echo', {});
    await server.close();
    expect(await all).toEqual([1, 2].map(() => ({ thrown: expect.any(TransportClosed) })));
  });

  it('is missed before it listens', async () => {
    const other = new InProcessBus();
    const notYet = await createApp(new InProcessServer(other, contract));
    await notYet.init();
    const early = new InProcessClient(other);
    await expect(firstValueFrom(early.send('single.echo', {}))).rejects.toBeInstanceOf(TransportClosed);
    await notYet.listen();
    expect(await firstValueFrom(early.send('single.echo', { a: 1 }))).toEqual({ a: 1 });
    await notYet.close();
  });

  it('refuses to answer what another answers', async () => {
    const second = await createApp(new InProcessServer(bus, contract));
    await expect(second.listen()).rejects.toThrow('Another server answers list.double already');
    await second.close();
  });
});
