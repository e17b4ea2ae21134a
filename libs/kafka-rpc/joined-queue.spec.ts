import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Flight, type Waiting } from './flight.ts';
import { JoinedQueue } from './joined-queue.ts';

/** Turns of the event loop until the queue has sent what it would. */
const settled = async () => {
  for (const _ of [1, 2, 3]) await new Promise((resolve) => setImmediate(resolve));
};

/** Both with the round trip that is reckoned with before any was measured. */
const REST_MS = 15;
const STALL_MS = 100;

describe('requests that travel together', () => {
  let sent: { members: readonly Waiting[]; ended: (isAnswered: boolean) => void }[];
  let queue: JoinedQueue;

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] });
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
  afterEach(() => {
    jest.useRealTimers();
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

  it('waits for the reply that is under way and a little longer, then goes as one', async () => {
    add(1);
    await settled();
    add(5);
    await settled();
    add(5);
    await settled();
    expect(sizes()).toEqual([1]);

    sent[0]!.ended(true);
    await settled();
    add(5);
    await jest.advanceTimersByTimeAsync(REST_MS - 1);
    await settled();
    expect(sizes()).toEqual([1]);
    await jest.advanceTimersByTimeAsync(1);
    expect(sizes()).toEqual([1, 15]);
  });

  it('does not wait longer when what is asked was asked after the reply', async () => {
    add(1);
    await settled();
    sent[0]!.ended(true);
    add(3);
    await settled();
    expect(sizes()).toEqual([1, 3]);
  });

  it('nor when so many wait that they are worth a request', async () => {
    add(1);
    await settled();
    add(2);
    sent[0]!.ended(true);
    await settled();
    add(126);
    await settled();
    expect(sizes()).toEqual([1, 128]);
    // What comes next has a wait of its own.
    add(1);
    await jest.advanceTimersByTimeAsync(REST_MS);
    await settled();
    expect(sizes()).toEqual([1, 128]);
  });

  it('waits for two round trips at most', async () => {
    for (let nth = 0; nth < 100; nth += 1) {
      add(1);
      await settled();
      await jest.advanceTimersByTimeAsync(2);
      sent[nth]!.ended(true);
    }
    add(1);
    await settled();
    add(1);
    await jest.advanceTimersByTimeAsync(2);
    sent[100]!.ended(true);
    await jest.advanceTimersByTimeAsync(3);
    expect(sent.length).toBe(101);
    await jest.advanceTimersByTimeAsync(2);
    expect(sent.length).toBe(102);
  });

  it('sends a second beside it when many wait', async () => {
    add(1);
    await settled();
    add(127);
    await settled();
    expect(sizes()).toEqual([1]);

    add(1);
    await settled();
    expect(sizes()).toEqual([1, 128]);
  });

  it('and others only when they are full, eight in all', async () => {
    add(1);
    await settled();
    add(128);
    await settled();
    add(511);
    await settled();
    expect(sizes()).toEqual([1, 128]);
    add(1);
    await settled();
    expect(sizes()).toEqual([1, 128, 512]);
    add(10 * 512);
    await settled();
    expect(sizes()).toEqual([1, 128, 512, 512, 512, 512, 512, 512]);
  });

  it('bounds a message in requests and in bytes', async () => {
    add(600);
    await settled();
    expect(sizes()).toEqual([512]);

    sent[0]!.ended(true);
    await jest.advanceTimersByTimeAsync(REST_MS);
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
    await jest.advanceTimersByTimeAsync(STALL_MS - 1);
    expect(sizes()).toEqual([1]);
    await jest.advanceTimersByTimeAsync(1);
    expect(sizes()).toEqual([1, 1]);
  });

  it('has a few messages under way of whose replies none comes, and sends others once those have been late for long', async () => {
    const counts: number[] = [];
    add(10_000);
    for (let stall = 0; stall <= 7; stall += 1) {
      await settled();
      counts.push(sent.length);
      await jest.advanceTimersByTimeAsync(STALL_MS);
    }
    expect(counts).toEqual([8, 8, 8, 8, 8, 8, 16, 16]);
  });

  it('leaves out what was given up while it waited', async () => {
    add(1);
    await settled();
    const givenUp = { ...aRequest };
    queue.add(givenUp);
    add(1);
    givenUp.isOver = true;
    sent[0]!.ended(true);
    await jest.advanceTimersByTimeAsync(REST_MS);
    expect(sizes()).toEqual([1, 1]);
  });
});

const aRequest: Waiting = {
  text: '{}',
  bytes: 2,
  deadlineMs: Infinity,
  endsAtMs: Infinity,
  callback: () => undefined,
  flight: undefined,
  isOver: false,
};
