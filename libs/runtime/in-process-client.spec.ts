import { describe, expect, it } from '@jest/globals';
import { conversations } from '#testing/in-process-conversation';
import { MAX_DEADLINE_MS } from './delivery.ts';
import { RequestExpired, TransportClosed } from './request-errors.ts';
import { RequestRecord } from './request-record.ts';

const current = conversations();

describe('a caller', () => {
  it.each([['nobody'], ['hasOwnProperty'], ['valueOf']])('is told when there is no handler for %s', async (topic) => {
    const given = current();
    await expect(given.ask(topic, {})).rejects.toBe(
      'There is no matching message handler defined in the remote service.',
    );
  });

  it('alone fails with a payload that cannot be sent', async () => {
    const given = current();
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const replies = await given.outcomes('list.double', [{ n: 1 }, { n: 1n }, cycle, { value: 1 }, () => 1, { n: 2 }]);
    const thrown = { thrown: expect.any(TypeError) as unknown };
    expect(replies).toEqual([expect.objectContaining({ n: 2 }), thrown, thrown, thrown, thrown, expect.anything()]);
    expect(given.seen.lists[0]).toHaveLength(2);
  });

  it('is told that its request expired when no reply comes in time', async () => {
    const given = current();
    const request = new RequestRecord({ n: 1 }, { deadlineMs: Date.now() + 300 });
    await expect(given.ask('list.slow', request)).rejects.toBeInstanceOf(RequestExpired);
    expect(given.seen.lists[0]![0]!.deadlineMs).toBe(request.options.deadlineMs);
  });

  it('never sends what has expired', async () => {
    const given = current();
    const request = new RequestRecord({ n: 1 }, { deadlineMs: Date.now() - 1 });
    await expect(given.ask('list.slow', request)).rejects.toBeInstanceOf(RequestExpired);
    await given.ask('single.echo', {});
    expect([given.seen.lists, given.server.expired]).toEqual([[], 0]);
  });

  it('may ask for no more than 30 s', async () => {
    const given = current();
    await given.ask('list.double', new RequestRecord({ n: 1 }, { deadlineMs: Date.now() + 3_600_000 }));
    const [delivery] = given.seen.lists[0]!;
    expect(delivery!.deadlineMs).toBeLessThanOrEqual(delivery!.receivedAtMs + MAX_DEADLINE_MS);
  });

  it.each([NaN, Infinity, 1.5])('cannot ask for a deadline of %d', (deadlineMs) => {
    expect(() => new RequestRecord({ n: 1 }, { deadlineMs })).toThrow(RangeError);
  });

  it('gives a request up by unsubscribing, before it is sent and after', async () => {
    const given = current();
    const queued = given.client.send('list.slow', { n: 1 }).subscribe();
    // After the microtasks that lead to the queue, before the turn ends.
    await new Promise((resolve) => process.nextTick(resolve));
    queued.unsubscribe();
    let late = 0;
    const sent = given.client.send('list.slow', { n: 2 }).subscribe(() => (late += 1));
    await given.ask('single.echo', {});
    expect(given.seen.lists.map((list) => list.map(({ request }) => request.n))).toEqual([[2]]);
    sent.unsubscribe();
    given.gate.open();
    await given.ask('list.slow', { n: 3 });
    expect(late).toBe(0);
  });

  it('gets nothing from a client that was closed', async () => {
    const given = current();
    await given.client.close();
    await expect(given.ask('single.echo', {})).rejects.toBeInstanceOf(TransportClosed);
  });

  it('is told when its client closes under a request that does not end', async () => {
    const given = current();
    const reply = given.ask('list.slow', { n: 1 });
    const told = expect(reply).rejects.toBeInstanceOf(TransportClosed);
    await given.ask('single.echo', {});
    await given.client.close();
    await told;
  });
});
