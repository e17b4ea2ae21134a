import { setImmediate } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { aCreation, CommandService } from '#testing/command-service';
import { EventStore } from '#event-store/event-store';
import { EventStoreProcess } from '#testing/event-store-process';
import { aFolder } from '#testing/folders';
import { importRows } from '#testing/imports';
import { aRow, linesOf } from '#testing/posthog-rows';

describe('an import that does not run to its end', () => {
  const stops: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop();
  });

  async function aLog(): Promise<{ log: EventStoreProcess; store: EventStore }> {
    const log = await EventStoreProcess.start(aFolder('import-faults'));
    stops.push(() => log.kill());
    const store = EventStore.connect(log.url, { callMs: 2_000 });
    stops.push(() => store.close());
    return { log, store };
  }

  /** The ids of the keys that were ever created, by user, in the order of the log. */
  async function created(store: EventStore): Promise<string[]> {
    const keys: string[] = [];
    // Asks again until the store is there, which a read of the whole log does not.
    await store.readHead({ deadlineMs: Date.now() + 60_000 });
    for await (const batch of store.readAll()) {
      for (const { type, data } of batch) if (type === 'KeyCreated') keys.push((data as { keyId: string }).keyId);
    }
    return keys;
  }

  it('says so when the event store is gone, has in what it counted, and goes on when it is run again', async () => {
    const { log, store } = await aLog();
    const rows = Array.from({ length: 300 }, (_, n) => aRow({ user_id: n % 40, id: `key-${n}` }));
    let killed: Promise<unknown> | undefined;
    const { end, sums, fault } = await importRows(store, rows, {
      onProgress: ({ imported }) => {
        if (imported >= 50) killed ??= log.kill('SIGKILL');
      },
    });
    await killed;
    expect(end).toBe('unavailable');
    expect(fault).toMatch(/event store/);
    expect(sums.imported).toBeGreaterThanOrEqual(50);
    expect(sums.imported).toBeLessThan(300);

    const again = await EventStoreProcess.start(log.dataDir, { port: log.port });
    stops.push(() => again.kill());
    const keptKeys = await created(store);
    expect(keptKeys.length).toBeGreaterThanOrEqual(sums.imported);
    const second = await importRows(store, rows);
    expect(second.sums).toMatchObject({ alreadyThere: keptKeys.length, imported: 300 - keptKeys.length });
    expect((await created(store)).sort()).toEqual(rows.map(({ id }) => id).sort());
  });

  it('finishes the rows under way when it is interrupted, and has counted all that is in', async () => {
    const { store } = await aLog();
    const controller = new AbortController();
    // Without an end of its own.
    let n = 0;
    const endless = Readable.from(
      (async function* () {
        for (;;) {
          yield Buffer.from(linesOf([aRow({ user_id: n % 7, id: `key-${n++}` })]));
          await setImmediate();
        }
      })(),
    );
    const { end, sums } = await importRows(store, endless, {
      signal: controller.signal,
      onProgress: ({ imported }) => {
        if (imported >= 100) controller.abort();
      },
    });
    expect(end).toBe('interrupted');
    expect((await created(store)).length).toBe(sums.imported);
  });

  it('brings every key once though it runs twice at the same time, beside commands for the same users', async () => {
    const { log, store } = await aLog();
    const other = EventStore.connect(log.url);
    stops.push(() => other.close());
    const service = await CommandService.start(log.url);
    stops.push(() => service.close());
    const rows = Array.from({ length: 120 }, (_, n) => aRow({ user_id: n % 6, id: `key-${n}` }));
    const [one, two, ...creations] = await Promise.all([
      importRows(store, rows),
      importRows(other, rows),
      ...Array.from({ length: 12 }, (_, n) =>
        service.requests.command('keys.create', aCreation(String(n % 6), `own-${n}`)),
      ),
    ]);
    expect(one.sums.refused + two.sums.refused).toBe(0);
    const own = creations.flatMap((reply, n) => (reply.ok ? [`own-${n}`] : []));
    expect((await created(store)).sort()).toEqual([...rows.map(({ id }) => id), ...own].sort());
  });
});
