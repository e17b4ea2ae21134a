import { describe, expect, it } from '@jest/globals';
import { lastValueFrom } from 'rxjs';
import { conversations, INTERNAL } from '#testing/in-process-conversation';
import { MAX_DEADLINE_MS } from './delivery.ts';
import { MAX_LIST } from './in-process-client.ts';

const current = conversations();

describe('a list handler', () => {
  it('gets what one turn brings as one list, in order, and answers each alone', async () => {
    const given = current();
    const before = Date.now();
    const replies = await given.outcomes('list.double', [{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(replies).toEqual([2, 4, 6].map((n) => ({ n, topic: 'list.double' })));
    expect(given.seen.lists.map((list) => list.map(({ request }) => request.n))).toEqual([[1, 2, 3]]);
    const { receivedAtMs, deadlineMs } = given.seen.lists[0]![0]!;
    expect(receivedAtMs).toBeGreaterThanOrEqual(before);
    expect(deadlineMs).toBeLessThanOrEqual(receivedAtMs + MAX_DEADLINE_MS);
    expect(deadlineMs).toBeGreaterThanOrEqual(before + MAX_DEADLINE_MS);
  });

  it('passes its guard, interceptor and pipe once per list', async () => {
    const given = current();
    await given.outcomes('list.double', [{ n: 1 }, { n: 2 }, { n: 3 }]);
    await given.outcomes('list.double', [{ n: 4 }, { n: 5 }]);
    expect([given.seen.guard.length, given.seen.interceptor.length, given.seen.pipe.length]).toEqual([2, 2, 2]);
    expect(given.seen.guard[0]).toHaveLength(3);
  });

  it('gets at most 512 at once', async () => {
    const given = current();
    await given.outcomes(
      'list.double',
      Array.from({ length: MAX_LIST * 2 + 1 }, (_, n) => ({ n })),
    );
    expect(given.seen.lists.map((list) => list.length)).toEqual([MAX_LIST, MAX_LIST, 1]);
    expect(given.seen.lists.flat().map(({ request }) => request.n)).toEqual(Array.from({ length: 1025 }, (_, n) => n));
  });

  it('never sees an item that its contract refuses; the refusal is that item alone', async () => {
    const given = current();
    const poison = [{ n: 'x' }, 'text', '{"n":', [], { n: 1e9 }, { __proto__: { n: 1 } }, 0];
    const replies = await given.outcomes('list.double', [{ n: 1 }, ...poison, { n: 2, extra: true }]);
    expect(replies.map((reply) => (reply as { ok?: boolean }).ok)).toEqual([
      undefined,
      ...poison.map(() => false),
      undefined,
    ]);
    expect(given.seen.lists.map((list) => list.map(({ request }) => request))).toEqual([[{ n: 1 }, { n: 2 }]]);
  });

  it('is not called when nothing of the list is left', async () => {
    const given = current();
    expect(await given.outcomes('list.throws', [{ n: 'x' }])).toEqual([{ ok: false, field: 'n' }]);
  });

  it.each([
    ['a guard that says no', 'list.guarded', [1, 2], { status: 'error', message: 'Forbidden resource' }],
    ['an RpcException of a text', 'list.rpc-exception', [0, 1], { status: 'error', message: 'no' }],
    ['an RpcException of an object', 'list.rpc-exception', [1, 0], { ok: false, code: 'NO' }],
    ['an error, whose cause stays here', 'list.throws', [1, 2], INTERNAL],
    ['a result too few', 'list.short', [1, 2], INTERNAL],
    ['a result that is no list', 'list.no-list', [1, 2], INTERNAL],
  ])('answers every item after %s', async (_, topic, numbers, thrown) => {
    const given = current();
    expect(
      await given.outcomes(
        topic,
        numbers.map((n) => ({ n })),
      ),
    ).toEqual(numbers.map(() => ({ thrown })));
  });

  it('passes its filter once per list, and what that throws answers every item', async () => {
    const given = current();
    const replies = await given.outcomes('list.filtered', [{ n: 1 }, { n: 2 }]);
    expect(replies).toEqual([1, 2].map(() => ({ thrown: { ok: false, code: 'FILTERED' } })));
    expect(given.seen.filter.map(String)).toEqual(['Error: secret 2']);
  });

  it('answers ready items at once and promised ones each when it settles', async () => {
    const given = current();
    const settled: unknown[] = [];
    const all = [3, 2, 1, 0].map((n) =>
      given.ask('list.mixed', { n }).then(
        (reply) => settled.push(reply),
        (error: unknown) => settled.push(error),
      ),
    );
    await all[3];
    expect(settled).toEqual([{ n: 0 }]);
    given.gate.open();
    await Promise.all(all);
    expect(settled.slice(1)).toHaveLength(3);
    expect(settled).toEqual(expect.arrayContaining([{ n: 3 }, INTERNAL, { code: 'ONE' }]));
  });

  it('fails one item alone whose reply cannot be sent, and sends the others as Kafka would', async () => {
    const given = current();
    const replies = await given.outcomes(
      'list.odd-replies',
      [1, 2, 3, 4, 5, 6].map((n) => ({ n })),
    );
    const failed = { thrown: INTERNAL };
    expect(replies).toEqual([{ fine: true }, failed, failed, null, failed, 'false']);
  });

  it('gets events as a list, too', async () => {
    const given = current();
    await Promise.all(
      [1, 2].map((n) => lastValueFrom(given.client.emit('list.noted', { n }), { defaultValue: undefined })),
    );
    await given.server.close();
    expect(given.events).toEqual([[{ n: 1 }, { n: 2 }]]);
  });
});
