import { describe, expect, it } from '@jest/globals';
import { EventStore } from '#event-store/event-store';
import { UnserialisableEvent } from '#event-store/event-store-unavailable';
import { type JsonObject } from '#event-store/recorded-event';
import { withRawClient } from './child.ts';
import { withoutPosition } from './append-replies.ts';
import { aStream, anEvent, events, raw } from './node-under-test.ts';
import { storeBehindRelay, WAYS } from './store-behind-relay.ts';

const given = storeBehindRelay();

describe.each(WAYS)('%s', (_, method, size) => {
  it('stores all its events and answers with the last one’s revision and position', async () => {
    const stream = aStream();
    const three = events(3, size);
    const result = await given.store.append(stream, 'none', three);

    const read = await given.stored(stream);
    expect(read.map(({ id, revision, data, metadata }) => ({ id, revision, data, metadata }))).toEqual(
      three.map(({ id, data, metadata }, index) => ({ id, revision: BigInt(index), data, metadata })),
    );
    expect(result).toEqual({ outcome: 'appended', revision: 2n, position: read[2]!.position });
    expect(given.relay.askedLeader(method)).toEqual([true]);
    expect(given.relay.calls('append') + given.relay.calls('batchAppend')).toBe(1);
  });

  it('at a revision that is no longer the last is a conflict that names the last', async () => {
    const stream = aStream();
    await given.store.append(stream, 'none', events(2));
    expect(await given.store.append(stream, 'none', [anEvent(size)])).toEqual({ outcome: 'conflict', actual: 1n });
    expect(await given.store.append(stream, 0n, [anEvent(size)])).toEqual({ outcome: 'conflict', actual: 1n });
    expect(await given.store.append(aStream(), 4n, [anEvent(size)])).toEqual({
      outcome: 'conflict',
      actual: undefined,
    });
  });

  it('is a conflict also where the connection string would have conflicts reported as results', async () => {
    const stream = aStream();
    await given.store.append(stream, 'none', events(3));
    const url = `${given.relay.url}&throwOnAppendFailure=false`;
    // The client reports the next expected revision as 1, whatever it is.
    expect(
      await given.node.rawClient(url).appendToStream(stream, raw(anEvent()), { expectedRevision: 0n }),
    ).toMatchObject({
      success: false,
      nextExpectedRevision: 1n,
    });
    const lenient = EventStore.connect(url);
    expect(await lenient.append(stream, 0n, [anEvent(size)])).toEqual({ outcome: 'conflict', actual: 2n });
    await lenient.close();
  });

  it('that is repeated by its caller is answered as the first time', async () => {
    const stream = aStream();
    const three = events(3, size);
    const first = await given.store.append(stream, 'none', three);
    await given.store.append(stream, 2n, [anEvent()]);
    expect(await given.store.append(stream, 'none', three)).toEqual(first);
    expect(await given.stored(stream)).toHaveLength(4);
  });

  it('takes its position from the log when the server recognises it without one', async () => {
    const stream = aStream();
    const two = events(2, size);
    const first = await given.writer.append(stream, 'none', two);
    given.relay.disturb(method, { rewriteReply: withoutPosition[method] });
    expect(await given.store.append(stream, 'none', two)).toEqual(first);
  });

  it('begins a soft-deleted stream anew, and none after a tombstone', async () => {
    const stream = aStream();
    const client = given.node.rawClient();
    await given.store.append(stream, 'none', events(2));
    await client.deleteStream(stream);
    expect(await given.store.readStream(stream)).toEqual({ outcome: 'missing' });
    expect(await given.store.append(stream, 'none', [anEvent(size)])).toMatchObject({
      outcome: 'appended',
      revision: 2n,
    });
    await client.tombstoneStream(stream);
    expect(await given.store.append(stream, 'none', [anEvent(size)])).toEqual({ outcome: 'tombstoned' });
    expect(await given.store.append(stream, 2n, [anEvent(size)])).toEqual({ outcome: 'tombstoned' });
  });
});

describe('an append', () => {
  it('beyond the server’s limits is too large and stores nothing', async () => {
    const stream = aStream();
    const patient = EventStore.connect(given.relay.url);
    for (const bytes of [1_100_000, 5_000_000]) {
      const large = anEvent({ text: 'x'.repeat(bytes) });
      expect(await patient.append(stream, 'none', [large])).toEqual({ outcome: 'too-large' });
    }
    expect(await given.store.readStream(stream)).toEqual({ outcome: 'missing' });
    await patient.close();
  });
});

describe('an append that is cut off while it is sent', () => {
  it('stores nothing, so that its repetition stores all of it', async () => {
    const patient = EventStore.connect(given.node.url);
    for (const cutMs of [25, 50, 100]) {
      const stream = aStream();
      const many = events(1_000);
      const hasty = EventStore.connect(given.node.url, { callMs: cutMs, silenceMs: cutMs });
      await hasty.readHead({ deadlineMs: Date.now() + 5_000 }).catch(() => undefined);
      await hasty.append(stream, 'none', many).catch(() => undefined);
      await hasty.close();
      expect(await patient.append(stream, 'none', many)).toMatchObject({ outcome: 'appended', revision: 999n });
    }
    await patient.close();
  });
});

describe('what is no JSON', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const refused = { 'a BigInt': { count: 1n }, 'a cycle': cycle, 'what throws': { toJSON: thrower } };

  it.each(Object.entries(refused))('is refused before anything is sent: %s', async (_, data) => {
    const before = given.relay.calls('append');
    await expect(given.store.append(aStream(), 'none', [anEvent(data as unknown as JsonObject)])).rejects.toThrow(
      UnserialisableEvent,
    );
    expect(given.relay.calls('append')).toBe(before);
  });

  it('would, handed to the client, end the process', async () => {
    const { code, stderr } = await withRawClient(
      given.node.url,
      `await client.appendToStream('${aStream()}', event({ count: 1n })).catch(() => process.exit(0));`,
      10_000,
    );
    expect({ code, bigInt: stderr.includes('BigInt') }).toEqual({ code: 1, bigInt: true });
  });

  it('includes ids that are no UUIDs, negative revisions and appends of nothing', async () => {
    await expect(given.store.append(aStream(), 'none', [{ ...anEvent(), id: 'one' }])).rejects.toThrow(
      UnserialisableEvent,
    );
    await expect(given.store.append(aStream(), -1n, [anEvent()])).rejects.toThrow(RangeError);
    await expect(given.store.append(aStream(), 'none', [])).rejects.toThrow(RangeError);
  });
});

function thrower(): never {
  throw new Error('no');
}
