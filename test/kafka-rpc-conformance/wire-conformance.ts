/** Nest's wire contract, row by row, between any client and any server. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Observable } from 'rxjs';
import { anyKafka } from '#testing/kafka-process';
import { requires } from '#testing/requires';
import { type ClientSide, type ServerSide, type StartedServer, type WireClient } from './sides.ts';
import { createWireTopics, type WireTopics } from './wire-topics.ts';
import { described, EMPTY_REPLIES, FAILURES, FILTERED, PAYLOADS, STREAMS } from './wire-cases.ts';
import { EVENT } from './wire.controller.ts';

interface Seen {
  readonly values: unknown[];
  readonly error?: unknown;
  readonly completed: boolean;
}

export function describeWire(clientSide: ClientSide, serverSide: ServerSide): void {
  requires(anyKafka)(`a client of ${clientSide.name} and a server of ${serverSide.name}`, () => {
    let topics: WireTopics;
    let server: StartedServer;
    let client: WireClient;
    const ask = (pattern: string, payload: unknown) =>
      seenOf(client.send<unknown, unknown>(topics.prefix + pattern, payload));

    beforeAll(async () => {
      topics = await createWireTopics();
      server = await serverSide.start(topics);
      client = await clientSide.connect(topics);
    });

    afterAll(async () => {
      await client.close();
      await server.close();
    });

    describe('a request', () => {
      it.each(PAYLOADS)('of $what', async ({ sent, received }) => {
        expect(await ask('wire.describe', sent)).toEqual(success(described(received)));
      });

      it.each([undefined, null])('of %p is refused by the client', async (payload) => {
        expect(await ask('wire.describe', payload)).toMatchObject({ error: { message: /Invalid/ }, completed: false });
      });

      it('of the same object twice is not changed by being sent', async () => {
        const payload = { a: 1 };
        await ask('wire.describe', payload);
        expect(await ask('wire.describe', payload)).toEqual(success(described({ a: 1 })));
        expect(payload).toEqual({ a: 1 });
      });

      it('each gets its own reply, however many are under way', async () => {
        const numbers = Array.from({ length: 200 }, (_, n) => n);
        const all = await Promise.all(numbers.map((n) => ask('wire.describe', { n })));
        expect(all).toEqual(numbers.map((n) => success(described({ n }))));
      });
    });

    describe('a reply', () => {
      it.each([...PAYLOADS, ...EMPTY_REPLIES].map((row, nth) => ({ ...row, nth })))(
        'of $what',
        async ({ nth, received }) => {
          expect(await ask('wire.reply', { nth })).toEqual(success(received));
        },
      );
    });

    describe('what a handler throws', () => {
      it.each(FAILURES.map((row, nth) => ({ ...row, nth })))('reaches the caller: $what', async ({ nth, caught }) => {
        expect(await ask('wire.fail', { nth })).toEqual(failure(caught));
      });

      it.each(FILTERED.map((row, nth) => ({ ...row, nth })))(
        'reaches the caller as an exception filter made it: $what',
        async ({ nth, caught }) => {
          const seen = await ask('wire.filtered', { nth });
          expect(seen).toEqual(caught === undefined ? success(null) : failure(caught));
        },
      );
    });

    describe('an observable', () => {
      it.each(STREAMS.map((row, nth) => ({ ...row, nth })))('with $what', async ({ nth, values, error }) => {
        expect(await ask('wire.stream', { nth })).toEqual(
          error === undefined ? { values, completed: true } : { values, error, completed: false },
        );
      });
    });

    describe('an event', () => {
      it.each(PAYLOADS.filter(({ sent }) => sent !== ''))('of $what', async ({ sent, received }) => {
        const before = server.wire.seen.length;
        await seenOf(client.emit(topics.prefix + EVENT, sent));
        await server.wire.hasSeen(received, before);
      });
    });
  });
}

/** Subscribes until the end. */
function seenOf(source: Observable<unknown>): Promise<Seen> {
  return new Promise((resolve) => {
    const values: unknown[] = [];
    source.subscribe({
      next: (value) => values.push(value),
      error: (error: unknown) => resolve({ values, error, completed: false }),
      complete: () => resolve({ values, completed: true }),
    });
  });
}

function success(value: unknown): Seen {
  return { values: [value], completed: true };
}

function failure(error: unknown): Seen {
  return { values: [], error, completed: false };
}
