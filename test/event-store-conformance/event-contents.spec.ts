import { binaryEvent, jsonEvent, type EventData, type JSONType } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { WAYS, eventStoreUnderTest } from './event-store-under-test.ts';

const store = eventStoreUnderTest();
const DAY_MS = 86_400_000;

/** Streams.Read.ConvertToRecordedEvent is what comes back; Streams.Append and Streams.BatchAppend what goes in. */
describe.each(WAYS)('an event by $way', ({ way }) => {
  const written = async (event: EventData) => {
    const stream = store.stream();
    await store.client.appendToStream(stream, event, store.append(way));
    const [stored] = await store.readStream(stream);
    return stored!;
  };

  it.each<[string, JSONType]>([
    ['an object', { text: 'ключ 🔑 \u0000 "\\', nested: { list: [1, -2.5, 1e21, null, true] }, empty: {} }],
    ['a list', [1, 'two', { three: 3 }]],
    ['a string', 'text'],
  ])('keeps its JSON data: %s', async (_what, data) => {
    const stored = await written(jsonEvent({ type: 'json', data }));
    expect(stored).toMatchObject({ isJson: true, type: 'json', data });
  });

  it('keeps its JSON metadata, reserved names too', async () => {
    const metadata = { $correlationId: 'c-1', $causationId: randomUUID(), schemaVersion: 1, ключ: 'ю' };
    const stored = await written(jsonEvent({ type: 'json', data: {}, metadata }));
    expect(stored.metadata).toEqual(metadata);
  });

  it('has no metadata where none were given', async () => {
    expect((await written(jsonEvent({ type: 'json', data: {} }))).metadata).toBeUndefined();
  });

  it('keeps binary data and metadata byte for byte', async () => {
    const data = randomBytes(2000);
    const metadata = new Uint8Array([0, 255, 128, 1]);
    const stored = await written(binaryEvent({ type: 'binary', data, metadata }));
    expect(stored).toMatchObject({ isJson: false, type: 'binary' });
    expect(Buffer.from(stored.data as Uint8Array)).toEqual(data);
    expect(Buffer.from(stored.metadata as Uint8Array)).toEqual(Buffer.from(metadata));
  });

  it('may be empty', async () => {
    const stored = await written(binaryEvent({ type: 'empty', data: new Uint8Array() }));
    expect(stored.data).toHaveLength(0);
  });

  // Guid.ToString() writes lower case; the client asks for UUIDs as text.
  it('keeps its id, in lower case', async () => {
    const id = randomUUID();
    expect((await written(jsonEvent({ id, type: 'json', data: {} }))).id).toBe(id);
    expect((await written(jsonEvent({ id: id.toUpperCase(), type: 'json', data: {} }))).id).toBe(id);
  });

  it('keeps its type, whatever the text', async () => {
    const type = 'käse/🧀 with $ and spaces';
    expect((await written(jsonEvent({ type, data: {} }))).type).toBe(type);
  });

  // Metadata.Created: .NET ticks since the Unix epoch, by the server's clock.
  it('has the time of its append, and the same one each time that it is read', async () => {
    const event = jsonEvent({ type: 'json', data: {} });
    const stream = store.stream();
    const { position } = await store.client.appendToStream(stream, event, store.append(way));
    const [inStream] = await store.readStream(stream);
    const [inAll] = await store.readAll({ fromPosition: position!, maxCount: 1 });
    expect(Math.abs(inStream!.created.getTime() - Date.now())).toBeLessThan(DAY_MS);
    expect(inAll!.created).toEqual(inStream!.created);
  });
});
