import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Flight, type Waiting } from './flight.ts';
import { JoinedQueue } from './joined-queue.ts';

/** Turns of the event loop until the queue has sent what it would. */
const settled = async () => {
  for (const _ of [1, 2, 3]) await new Promise((resolve) => setImmediate(resolve));
};

describe('requests that travel together', () => {
  let sent: { members: readonly Waiting[]; ended: (isAnswered: boolean) => void }[];
  let queue: JoinedQueue;

  beforeEach(() => {
    // Its own: the queue of an earlier test may still send what was late there.
    const own: typeof sent = [];
    sent = own;
    queue = new JoinedQueue((members, ended) => {
      own.push({ members, ended });
      const flight: Flight = {
        correlationId: String(own.length),
        pattern: '',
        members,
        joining: undefined,
        open: members.length,
        sentAtMs: performance.now(),
        ended,
      };
      return flight;
    });
  });

  const add = (count: number, bytes = 100) => {
    for (let n = 0; n < count; n += 1) queue.add({ ...aRequest, bytes });
  };
  const sizes = () => sent.map(({ members }) => members.length);

  it('goes at once when nothing is under way, all of a turn as one', async () => {
    add(10);
    await settled();
    expect(sizes()).toEqual([10]);
  });

  it('waits for the reply that is under way, then goes as one', async () => {
    add(1);
    await settled();
    add(5);
    await settled();
    add(5);
    await settled();
    expect(sizes()).toEqual([1]);

    sent[0]!.ended(true);
    await settled();
    expect(sizes()).toEqual([1, 10]);
  });

  it('sends a second beside it when many wait, and no third', async () => {
    add(1);
    await settled();
    add(127);
    await settled();
    expect(sizes()).toEqual([1]);

    add(1);
    await settled();
    add(500);
    await settled();
    expect(sizes()).toEqual([1, 128]);
  });

  it('bounds a message in requests and in bytes', async () => {
    add(600);
    await settled();
    expect(sizes()).toEqual([512]);

    sent[0]!.ended(true);
    await settled();
    sent[1]!.ended(true);
    add(4, 100_000);
    await settled();
    expect(sizes()).toEqual([512, 88, 2]);
  });

  it('does not wait for a reply that is late', async () => {
    add(1);
    await settled();
    add(1);
    // Nobody ends the first.
    while (sent.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(sizes()).toEqual([1, 1]);
  });

  describe('of whose replies none comes', () => {
    beforeEach(() => {
      jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] });
    });
    afterEach(() => {
      jest.useRealTimers();
    });
    const STALL_MS = 100;

    it('has a few messages under way, and sends others once those have been late for long', async () => {
      const counts: number[] = [];
      add(10_000);
      for (let stall = 0; stall <= 9; stall += 1) {
        await settled();
        counts.push(sent.length);
        await jest.advanceTimersByTimeAsync(STALL_MS);
      }
      // Two each time, until eight are under way; from the sixth stall on the oldest are given up.
      expect(counts).toEqual([2, 4, 6, 8, 8, 8, 10, 12, 14, 16]);
    });
  });

  it('leaves out what was given up while it waited', async () => {
    add(1);
    await settled();
    const givenUp = { ...aRequest };
    queue.add(givenUp);
    add(1);
    givenUp.isOver = true;
    sent[0]!.ended(true);
    await settled();
    expect(sizes()).toEqual([1, 1]);
  });
});

const aRequest: Waiting = {
  text: '{}',
  bytes: 2,
  deadlineMs: Infinity,
  callback: () => undefined,
  timer: undefined,
  flight: undefined,
  isOver: false,
};
