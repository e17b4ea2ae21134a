import { describe, expect, it } from '@jest/globals';
import { type WritePacket } from '@nestjs/microservices';
import { RequestExpired, RequestTooLarge, TransportOverloaded } from '#runtime/request-errors';
import { type Waiting } from './flight.ts';
import { MAX_MESSAGE_BYTES } from './outbox.ts';
import { PendingRequests } from './pending-requests.ts';

const LONG_MS = 60_000;

class Callers {
  readonly told: [who: string, packet: WritePacket][] = [];
  readonly over: [who: string, isAnswered: boolean][] = [];
  readonly #names = new Map<Waiting, string>();
  readonly pending: PendingRequests;

  constructor({ requests = 10, bytes = 1_000_000 } = {}) {
    this.pending = new PendingRequests({ requests, bytes }, (waiting, isAnswered) => {
      this.over.push([this.#names.get(waiting)!, isAnswered]);
    });
  }

  ask(who: string, { text = '{}', withinMs = LONG_MS } = {}): Waiting {
    const callback = (packet: WritePacket) => void this.told.push([who, packet]);
    const endsAtMs = performance.now() + withinMs;
    const waiting = this.pending.admit(text, Date.now() + withinMs, endsAtMs, callback, undefined);
    this.#names.set(waiting, who);
    this.pending.watch(waiting);
    return waiting;
  }
}

describe('requests that wait for their replies', () => {
  it('are bounded in number, and one that is over makes room', () => {
    const callers = new Callers({ requests: 1 });
    const first = callers.ask('first');
    expect(() => callers.ask('second')).toThrow(TransportOverloaded);
    callers.pending.deliver(first, { response: 1, isDisposed: true });
    callers.ask('third');
  });

  it('are bounded in bytes, together and each', () => {
    const callers = new Callers({ bytes: MAX_MESSAGE_BYTES + 10 });
    const first = callers.ask('first', { text: 'ä'.repeat(10) });
    expect(() => callers.ask('second', { text: 'x'.repeat(MAX_MESSAGE_BYTES - 9) })).toThrow(TransportOverloaded);
    callers.pending.giveUp(first);
    callers.ask('third', { text: 'x'.repeat(MAX_MESSAGE_BYTES - 9) });
    expect(() => callers.ask('fourth', { text: 'x'.repeat(MAX_MESSAGE_BYTES + 1) })).toThrow(RequestTooLarge);
  });

  it('end once, whatever else comes', () => {
    const callers = new Callers();
    const waiting = callers.ask('one');
    callers.pending.deliver(waiting, { response: 'part', isDisposed: false });
    callers.pending.deliver(waiting, { response: 'last', isDisposed: true });
    callers.pending.fail(waiting, new Error('too late'));
    callers.pending.giveUp(waiting);
    callers.pending.failAll(() => new Error('too late'));
    expect(callers.told.map(([, { response }]) => response as string)).toEqual(['part', 'last']);
    expect(callers.over).toEqual([['one', true]]);
  });

  it('fail at their deadlines, and no sooner because of another’s', async () => {
    const callers = new Callers();
    callers.ask('patient');
    const expired = new Promise<void>((resolve) => {
      const { pending } = callers;
      const endsAtMs = performance.now() + 30;
      pending.watch(
        pending.admit(
          '{}',
          Date.now() + 30,
          endsAtMs,
          ({ err }: WritePacket<unknown>) => {
            expect(err).toBeInstanceOf(RequestExpired);
            expect(performance.now()).toBeGreaterThanOrEqual(endsAtMs);
            resolve();
          },
          undefined,
        ),
      );
    });
    await expired;
    expect(callers.told).toEqual([]);
  });

  it('that were given up hear nothing', () => {
    const callers = new Callers();
    const waiting = callers.ask('one');
    callers.pending.giveUp(waiting);
    callers.pending.deliver(waiting, { response: 1, isDisposed: true });
    expect(callers.told).toEqual([]);
    expect(callers.over).toEqual([['one', false]]);
  });

  it('are over before their callers hear of it, so that these may ask again', () => {
    const callers = new Callers({ requests: 1 });
    const answers: unknown[] = [];
    const again = () => callers.pending.admit('{}', 0, Infinity, (packet) => answers.push(packet), undefined);
    const first = callers.pending.admit('{}', 0, Infinity, again, undefined);
    callers.pending.deliver(first, { response: 1, isDisposed: true });
    callers.pending.failAll(() => new Error('closed'));
    expect(answers).toHaveLength(1);
  });

  it('can be waited for', async () => {
    const callers = new Callers();
    const waiting = callers.ask('one');
    const drained = callers.pending.drained(LONG_MS);
    callers.pending.deliver(waiting, { response: 1, isDisposed: true });
    await drained;
  });
});
