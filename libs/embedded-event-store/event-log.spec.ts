import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { open } from 'lmdb';
import { AppendQueue, ClientGone, DeadlinePassed, StoreClosing } from './append-queue.ts';
import { EventLog, NewerStoreFormat, STORE_FORMAT, WriteFailed } from './event-log.ts';
import { EventReader } from './event-reader.ts';
import { StoreBroken, within } from './patience.ts';
import { StreamHeads } from './stream-heads.ts';

describe('the log on disk', () => {
  let folder: string;
  let log: EventLog;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-log-'));
  });

  afterEach(async () => {
    await log.close();
    rmSync(folder, { recursive: true });
  });

  const opened = () => {
    log = EventLog.open(folder);
    const heads = new StreamHeads(log);
    return { queue: new AppendQueue(log, heads, () => undefined), reader: new EventReader(log, heads) };
  };
  const anEvent = (bytes = 10) => ({
    id: randomUUID(),
    type: 'Happened',
    isJson: true,
    data: Buffer.alloc(bytes, 'x'),
    metadata: Buffer.alloc(0),
  });
  const append = (queue: AppendQueue, stream: string, ...events: ReturnType<typeof anEvent>[]) =>
    queue.submit({ kind: 'append', stream, expected: 'any', events });
  const count = (reader: EventReader) => [...reader.readAll(0, Infinity, false, undefined)].flat().length;

  it('holds nothing of a write that breaks off in its middle', async () => {
    const { reader } = opened();
    const events = [0n, 1n, -1n, 2n].map((revision, index) => ({
      position: 64 + index * 100,
      streamNumber: 1,
      revision,
      stored: Buffer.alloc(100),
    }));
    await expect(log.write({ newStreams: [{ name: 'a', number: 1 }], events })).rejects.toThrow(/out of range/);
    // What an unfinished transaction left behind would come along with the next.
    const next = {
      newStreams: [],
      events: [{ position: 64, streamNumber: 2, revision: 0n, stored: Buffer.alloc(100) }],
    };
    await log.write(next);
    log.advance(next);
    expect(count(reader)).toBe(1);
    expect(log.streamNumber('a')).toBeUndefined();
    expect(log.lastRevision(1)).toBeUndefined();
  });

  it('refuses everything that shared a failed flush, since one answer may rest on another', async () => {
    const { queue, reader } = opened();
    const known = anEvent();
    jest.spyOn(log, 'write').mockRejectedValueOnce(new WriteFailed('No space left on device'));
    const outcomes = await Promise.allSettled([append(queue, 'a', known), append(queue, 'a', known)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(count(reader)).toBe(0);
    await expect(append(queue, 'a', known)).resolves.toMatchObject({ outcome: 'written', revision: 0 });
    await expect(append(queue, 'a', known)).resolves.toMatchObject({ outcome: 'written', revision: 0 });
    expect(count(reader)).toBe(1);
  });

  it('writes nothing of an append whose deadline passed before its turn', async () => {
    const { queue, reader } = opened();
    const late = queue.submit(
      { kind: 'append', stream: 'a', expected: 'any', events: [anEvent()] },
      { deadlineMs: Date.now() - 1 },
    );
    await expect(late).rejects.toThrow(DeadlinePassed);
    expect(count(reader)).toBe(0);
  });

  it('writes nothing of an append whose client has gone when its turn comes', async () => {
    const { queue, reader } = opened();
    const gone = queue.submit(
      { kind: 'append', stream: 'a', expected: 'any', events: [anEvent()] },
      { isGone: () => true },
    );
    const other = append(queue, 'b', anEvent());
    await expect(gone).rejects.toThrow(ClientGone);
    await expect(other).resolves.toMatchObject({ outcome: 'written' });
    expect(count(reader)).toBe(1);
  });

  it('takes nothing more once a write has had no end, and can still be closed', async () => {
    const { queue } = opened();
    const noEnd = jest.spyOn(log, 'write').mockImplementation(() => within(20, new Promise<never>(() => undefined)));
    const first = append(queue, 'a', anEvent());
    await expect(first).rejects.toThrow(StoreBroken);
    expect(queue.isWritable).toBe(false);
    await expect(append(queue, 'a', anEvent())).rejects.toThrow(StoreBroken);
    expect(noEnd).toHaveBeenCalledTimes(1);
    await queue.close();
  });

  it('answers what was taken before it closes, and takes nothing more', async () => {
    const { queue } = opened();
    const taken = append(queue, 'a', anEvent());
    const closed = queue.close();
    await expect(append(queue, 'a', anEvent())).rejects.toThrow(StoreClosing);
    await closed;
    await expect(taken).resolves.toMatchObject({ outcome: 'written' });
  });

  it('shows readers nothing before its flush, and everything when the answer comes', async () => {
    const { queue, reader } = opened();
    const seenEarly: number[] = [];
    const appends = Array.from({ length: 200 }, (_, n) => append(queue, `s-${n % 7}`, anEvent()));
    let answered = 0;
    const watched = appends.map(async (appended) => {
      const result = await appended;
      answered++;
      if (result.outcome !== 'written' || result.position === undefined) throw new Error('not written');
      expect(reader.end).toBeGreaterThan(result.position);
    });
    const all = Promise.all(watched);
    while (answered < appends.length) {
      if (answered === 0) seenEarly.push(count(reader));
      await new Promise(setImmediate);
    }
    await all;
    expect(new Set(seenEarly)).toEqual(new Set([0]));
    expect(count(reader)).toBe(200);
  });

  it('goes on where it was when it is opened again', async () => {
    const first = opened();
    await append(first.queue, 'a', anEvent(), anEvent());
    const position = first.reader.end;
    await log.close();
    const second = opened();
    expect(second.reader.end).toBe(position);
    await expect(append(second.queue, 'a', anEvent())).resolves.toMatchObject({ revision: 2, position });
    await expect(append(second.queue, 'b', anEvent())).resolves.toMatchObject({ revision: 0 });
    expect([...second.reader.readAll(0, Infinity, false, undefined)].flat()).toHaveLength(4);
  });

  it('still knows the newest ids of appends with any revision when it is opened again', async () => {
    const event = anEvent();
    const first = await append(opened().queue, 'a', event);
    await log.close();
    await expect(append(opened().queue, 'a', event)).resolves.toEqual(first);
  });

  it('refuses a store of a newer format and names both', async () => {
    opened();
    await log.close();
    const root = open({ path: folder, encoding: 'binary', keyEncoding: 'binary' });
    await root
      .openDB({ name: 'meta', encoding: 'binary', keyEncoding: 'binary' })
      .put(Buffer.from('format'), Buffer.from(String(STORE_FORMAT + 1)));
    await root.close();
    expect(() => EventLog.open(folder)).toThrow(NewerStoreFormat);
    expect(() => EventLog.open(folder)).toThrow(/format 2.*format 1/);
  });
});
