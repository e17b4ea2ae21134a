/** Writes a log straight to its folder, with the embedded store's own writer: over the wire a million appends take minutes. */
import { join } from 'node:path';
import { AppendQueue } from '#embedded-event-store/append-queue';
import { EventLog } from '#embedded-event-store/event-log';
import { StreamHeads } from '#embedded-event-store/stream-heads';
import { keyCreated } from './key-events.mjs';

/** As many as one transaction takes. */
const AT_ONCE = 1_024;

/** @param appends `{ stream, events }`, each the first of its stream */
export async function fillLog(dataDir, appends) {
  const log = EventLog.open(join(dataDir, 'events'));
  const queue = new AppendQueue(log, new StreamHeads(log), () => undefined);
  let submitted = [];
  for (const { stream, events } of appends) {
    submitted.push(queue.submit({ kind: 'append', stream, expected: 'no_stream', events: events.map(proposed) }));
    if (submitted.length < AT_ONCE) continue;
    await Promise.all(submitted);
    submitted = [];
  }
  await Promise.all(submitted);
  await queue.close();
  await log.close();
}

/** `user-0`, `user-1` … with as many keys each: `key-0` … */
export function* keysOf(users, keysEach) {
  for (let user = 0; user < users; user++) {
    const userId = `user-${user}`;
    yield {
      stream: `userKeys-${userId}`,
      events: Array.from({ length: keysEach }, (_, nth) => keyCreated(userId, `key-${nth}`)),
    };
  }
}

function proposed({ id, type, data, metadata }) {
  const bytes = (value) => Buffer.from(JSON.stringify(value));
  return { id, type, isJson: true, data: bytes(data), metadata: bytes(metadata) };
}
