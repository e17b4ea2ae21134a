import { Logger } from '@nestjs/common';
import { type MessageHandler, RpcException } from '@nestjs/microservices';
import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EMPTY, of, throwError } from 'rxjs';
import { z } from 'zod';
import { type Delivery, type ListResult } from './delivery.ts';
import { ListDispatch, type MessageContract, type Outcome } from './list-dispatch.ts';

const INTERNAL = { kind: 'error', error: { status: 'error', message: 'Internal server error' } };
const contract: MessageContract = {
  requestSchema: () => z.object({ n: z.number() }),
  refuse: (topic) => ({ refused: topic }),
};
const deliver = (request: unknown, deadlineMs = Infinity): Delivery<unknown> => ({
  request,
  receivedAtMs: 1,
  deadlineMs,
});

let logged: unknown[];
beforeEach(() => {
  logged = [];
  const note = (message: unknown) => void logged.push(message);
  Logger.overrideLogger({ log: note, warn: note, error: note });
});

/** What each message was settled with, in order of settling: `[index, outcome]`. */
async function run(
  messages: readonly Delivery<unknown>[],
  handler: MessageHandler<readonly Delivery<{ n: number }>[], unknown, unknown>,
  dispatch = new ListDispatch(contract),
): Promise<[number, Outcome][]> {
  const settled: [number, Outcome][] = [];
  await dispatch.run({
    topic: 'a.topic',
    handler: handler as MessageHandler<unknown, unknown, unknown>,
    context: undefined,
    messages,
    settle: (index, outcome) => settled.push([index, outcome]),
  });
  return settled;
}
const numbers = (list: readonly Delivery<{ n: number }>[]) => list.map(({ request }) => request.n);

describe('ListDispatch', () => {
  it('settles every message once with what is its own, whatever its neighbours are', async () => {
    const kind = fc.constantFrom('ready', 'promised', 'rejected', 'refusing', 'bad', 'late');
    await fc.assert(
      fc.asyncProperty(fc.array(kind, { maxLength: 30 }), async (kinds) => {
        const dispatch = new ListDispatch(contract);
        const seen: number[] = [];
        const settled = await run(
          kinds.map((one, n) => deliver(one === 'bad' ? { n: 'x' } : { n, more: 1 }, one === 'late' ? 0 : Infinity)),
          (list): Promise<ListResult<unknown>> => {
            seen.push(...numbers(list));
            return Promise.resolve(
              numbers(list).map((n) => {
                if (kinds[n] === 'ready') return { n };
                if (kinds[n] === 'promised') return Promise.resolve({ n });
                return Promise.reject(kinds[n] === 'rejected' ? new Error('cause') : new RpcException(`no ${n}`));
              }),
            );
          },
          dispatch,
        );
        expect(seen).toEqual(kinds.flatMap((one, n) => (one === 'bad' || one === 'late' ? [] : [n])));
        expect(settled.toSorted(([a], [b]) => a - b)).toEqual(
          kinds.map((one, n) => {
            if (one === 'late') return [n, { kind: 'expired' }];
            if (one === 'bad') return [n, { kind: 'reply', reply: { refused: 'a.topic' } }];
            if (one === 'rejected') return [n, INTERNAL];
            if (one === 'refusing') return [n, { kind: 'error', error: { status: 'error', message: `no ${n}` } }];
            return [n, { kind: 'reply', reply: { n } }];
          }),
        );
        expect(dispatch.expired).toBe(kinds.filter((one) => one === 'late').length);
      }),
    );
  });

  it('settles refused and ready messages before promised ones', async () => {
    let fulfil: (reply: unknown) => void = () => undefined;
    const promised = new Promise((resolve) => (fulfil = resolve));
    const messages = [deliver({ n: 0 }), deliver({ n: 1 }), deliver('bad'), deliver({ n: 2 })];
    const settled = await run(messages, (list) => {
      setImmediate(fulfil, 'late');
      return Promise.resolve(numbers(list).map((n) => (n === 0 ? promised : n)));
    });
    expect(settled.map(([index]) => index)).toEqual([2, 1, 3, 0]);
  });

  it('hands the contract’s reading of a request on, and the times as they came', async () => {
    const seen: unknown[] = [];
    await run([deliver({ n: 1, __proto__: { m: 1 }, extra: 2 }, 9e15)], (list) => {
      seen.push(...list);
      return Promise.resolve(list);
    });
    expect(seen).toEqual([{ request: { n: 1 }, receivedAtMs: 1, deadlineMs: 9e15 }]);
  });

  it.each([
    ['a stream of the results', () => of([{ a: 1 }]), { kind: 'reply', reply: { a: 1 } }],
    ['a stream of nothing', () => EMPTY, INTERNAL],
    [
      'a stream that fails with a plain value',
      () => throwError(() => ({ code: 'X' })),
      { kind: 'error', error: { code: 'X' } },
    ],
    ['an exception that met no filter', () => throwError(() => new Error('S3CRET')), INTERNAL],
    [
      'a RpcException that met no filter',
      () => throwError(() => new RpcException({ a: 1 })),
      { kind: 'error', error: { a: 1 } },
    ],
    ['too many results', () => [1, 2], INTERNAL],
    ['too many promises, rejected', () => [1, Promise.reject(new Error('S3CRET'))], INTERNAL],
    ['no results', () => [], INTERNAL],
    ['nothing', () => undefined, INTERNAL],
    ['a list in disguise', () => ({ length: 1, 0: 'x' }), INTERNAL],
  ])('knows what to do with %s', async (_, returned, outcome) => {
    expect(await run([deliver({ n: 1 })], () => Promise.resolve(returned()))).toEqual([[0, outcome]]);
    expect(JSON.stringify(outcome)).not.toContain('S3CRET');
    if (outcome === INTERNAL) expect(logged).toHaveLength(1);
  });

  it('answers all alike when the handler itself rejects', async () => {
    const settled = await run([deliver({ n: 1 }), deliver({ n: 2 })], () => Promise.reject(new Error('S3CRET')));
    expect(settled).toEqual([
      [0, INTERNAL],
      [1, INTERNAL],
    ]);
  });

  it('fails a message alone over which its contract stumbles', async () => {
    const stumbling: MessageContract = {
      requestSchema: () =>
        z.unknown().refine((request) => {
          if (request === 13) throw new Error('S3CRET');
          return true;
        }),
      refuse: () => 'never',
    };
    const settled = await run(
      [deliver(12), deliver(13)],
      (list) => Promise.resolve(list.map(() => 'fine')),
      new ListDispatch(stumbling),
    );
    expect(settled).toEqual([
      [1, INTERNAL],
      [0, { kind: 'reply', reply: 'fine' }],
    ]);
  });

  it('passes requests unchecked for which there is no contract', async () => {
    const open: MessageContract = { requestSchema: () => undefined, refuse: () => 'never' };
    const echo = (list: readonly Delivery<unknown>[]) => Promise.resolve(list.map(({ request }) => request));
    expect(await run([deliver('any')], echo, new ListDispatch(open))).toEqual([[0, { kind: 'reply', reply: 'any' }]]);
  });

  it('asks an event handler for no results', async () => {
    const handler = Object.assign(() => Promise.resolve(undefined), { isEventHandler: true });
    expect(await run([deliver({ n: 1 })], handler)).toEqual([[0, { kind: 'reply', reply: undefined }]]);
    expect(logged).toEqual([]);
  });
});
