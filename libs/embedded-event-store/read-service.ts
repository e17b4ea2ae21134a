import { type EventReader } from './event-reader.ts';
import { responseOf } from './stored-event.ts';
import { followAll, followStream } from './subscription-feed.ts';
import { Outlet, type ReadCall } from './outlet.ts';
import { responseWithStructuredId } from './wire/event-data.ts';
import { streamDeleted } from './wire/errors.ts';
import { confirmation, streamNotFound } from './wire/read-response.ts';
import { parseReadRequest, type ReadRequest } from './wire/read-request.ts';
import { WireFault } from './wire-fault.ts';

/** `Read`: reads and subscriptions, which differ only in whether they end. */
export function serveRead(call: ReadCall, reader: EventReader, closing: AbortSignal): void {
  const outlet = new Outlet(call, closing);
  serve(call, reader, outlet).then(
    () => outlet.end(),
    (error: unknown) => outlet.fail(error),
  );
}

async function serve(call: ReadCall, reader: EventReader, outlet: Outlet): Promise<void> {
  const request = parseReadRequest(call.request);
  const encode = request.structuredIds ? responseWithStructuredId : responseOf;
  const send = (stored: Buffer) => outlet.write(encode(stored));
  if (!request.subscribes) await read(request, reader, send, outlet);
  else {
    if (request.stream !== undefined) refuseTombstoned(reader, request.stream);
    await outlet.write(confirmation());
    if (request.stream === undefined) await followAll(request, reader, send, outlet);
    else await followStream({ ...request, stream: request.stream }, reader, send, outlet);
  }
}

async function read(
  { stream, from, count, backwards, filter }: ReadRequest,
  reader: EventReader,
  send: (stored: Buffer) => Promise<void> | void,
  outlet: Outlet,
): Promise<void> {
  const start = from === 'end' ? Number.MAX_SAFE_INTEGER : (from ?? 0);
  if (stream !== undefined) {
    const found = refuseTombstoned(reader, stream);
    if (found === undefined) {
      await outlet.write(streamNotFound(stream));
      return;
    }
    await sendAll(reader.readStream(found, start, count, backwards), send, outlet);
  } else await sendAll(reader.readAll(start, count, backwards, filter), send, outlet);
}

async function sendAll(
  chunks: Iterable<Buffer[]>,
  send: (stored: Buffer) => Promise<void> | void,
  outlet: Outlet,
): Promise<void> {
  for (const chunk of chunks) {
    for (const stored of chunk) {
      const full = send(stored);
      if (full !== undefined) await full;
      if (outlet.isGone()) return;
    }
  }
}

function refuseTombstoned(reader: EventReader, stream: string) {
  const found = reader.findStream(stream);
  if (found.outcome === 'tombstoned') throw new WireFault(streamDeleted(stream));
  return found.outcome === 'found' ? found.state : undefined;
}
