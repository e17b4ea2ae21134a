import { type ServerDuplexStream } from '@grpc/grpc-js';
import type sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import type streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { DeadlinePassed, StoreClosing, type AppendQueue } from './append-queue.ts';
import { type Expected } from './append-rules.ts';
import { WriteFailed } from './event-log.ts';
import { StoreBroken } from './patience.ts';
import { type ProposedEvent } from './event.ts';
import {
  expectedRevision,
  MalformedRequest,
  proposedEvent,
  sizeOnDisk,
  streamName,
  uuidText,
} from './wire/append-request.ts';
import {
  batchBadRequest,
  batchStreamDeleted,
  batchSuccess,
  batchTimeout,
  batchTooLarge,
  batchUnavailable,
  batchWrongVersion,
} from './wire/append-response.ts';
import { MAX_APPEND_BYTES, unavailable } from './wire/errors.ts';
import { reportFault } from './wire-fault.ts';

export type BatchCall = ServerDuplexStream<streamsPb.BatchAppendReq, streamsPb.BatchAppendResp>;

/** Who waits for an answer: the client knows an append by its correlation id, and reads the identifier of every error. */
interface Addressee {
  readonly correlationId: sharedPb.UUID | undefined;
  readonly identifier: sharedPb.StreamIdentifier | undefined;
}

/** An append that has not all arrived: clients split large ones over several messages. */
interface Unfinished extends Addressee {
  readonly stream: string;
  readonly expected: Expected;
  readonly deadlineMs: number;
  readonly events: ProposedEvent[];
  size: number;
}

/** A client that sends faster than the disk takes waits; so does one that doesn't read its answers. */
const MAX_IN_FLIGHT = 4_096;

/**
 * `BatchAppend`: one stream per channel that carries any number of appends, each answered by its correlation id when it
 * is on disk. A refusal concerns its append alone; the stream ends only with the client or, when `closing` aborts, after
 * everything that was taken is answered.
 */
export function serveBatchAppend(call: BatchCall, queue: AppendQueue, closing: AbortSignal): void {
  const unfinished = new Map<string, Unfinished>();
  const inFlight = new Set<Promise<void>>();
  let ended = false;

  const throttle = () => {
    if (inFlight.size >= MAX_IN_FLIGHT || call.writableNeedDrain) call.pause();
    else if (!ended) call.resume();
  };

  const reply = ({ correlationId, identifier }: Addressee, response: streamsPb.BatchAppendResp) => {
    response.setCorrelationId(correlationId);
    response.setStreamIdentifier(identifier);
    if (!call.destroyed && !call.writableEnded) call.write(response);
  };

  const take = (request: streamsPb.BatchAppendReq) => {
    const id = uuidText(request.getCorrelationId());
    const options = request.getOptions();
    if (options !== undefined) {
      for (const late of takeLate(unfinished)) reply(late, batchTimeout());
      unfinished.set(id, begin(request.getCorrelationId(), options));
    }
    const append = unfinished.get(id);
    // Messages of an append that was refused already; its client has its answer.
    if (append === undefined) return;
    unfinished.delete(id);
    addEvents(append, request.getProposedMessagesList());
    if (append.size > MAX_APPEND_BYTES) reply(append, batchTooLarge());
    else if (!request.getIsFinal()) unfinished.set(id, append);
    else {
      const answered = write(queue, append).then((response) => {
        reply(append, response);
        inFlight.delete(answered);
        throttle();
      });
      inFlight.add(answered);
    }
  };

  const finish = (end: () => void) => {
    if (ended) return;
    ended = true;
    closing.removeEventListener('abort', close);
    void Promise.all(inFlight).then(end);
  };
  const close = () => finish(() => call.emit('error', unavailable('The event store is closing')));

  call.on('data', (request: streamsPb.BatchAppendReq) => {
    if (ended) return;
    try {
      take(request);
    } catch (error) {
      if (!(error instanceof MalformedRequest)) throw error;
      const identifier = request.getOptions()?.getStreamIdentifier();
      reply({ correlationId: request.getCorrelationId(), identifier }, batchBadRequest(error.message));
    }
    throttle();
  });
  call.on('drain', throttle);
  call.on('end', () => finish(() => call.end()));
  call.on('cancelled', () => finish(() => undefined));
  closing.addEventListener('abort', close);
  if (closing.aborted) close();
}

/** Removes the appends whose rest did not come in time. */
function takeLate(unfinished: Map<string, Unfinished>): Unfinished[] {
  const late = [...unfinished].filter(([, { deadlineMs }]) => deadlineMs <= Date.now());
  for (const [id] of late) unfinished.delete(id);
  return late.map(([, append]) => append);
}

function begin(correlationId: sharedPb.UUID | undefined, options: streamsPb.BatchAppendReq.Options): Unfinished {
  const identifier = options.getStreamIdentifier();
  return {
    correlationId,
    identifier,
    stream: streamName(identifier),
    expected: expectedRevision(options, options.hasStreamPosition() ? options.getStreamPosition() : undefined),
    deadlineMs: options.getDeadline()?.toDate().getTime() ?? Infinity,
    events: [],
    size: 0,
  };
}

function addEvents(append: Unfinished, messages: readonly streamsPb.BatchAppendReq.ProposedMessage[]): void {
  for (const message of messages) {
    const event = proposedEvent(message);
    append.size += sizeOnDisk(event);
    if (append.size > MAX_APPEND_BYTES) return;
    append.events.push(event);
  }
}

async function write(queue: AppendQueue, append: Unfinished): Promise<streamsPb.BatchAppendResp> {
  const { stream, expected, events, deadlineMs, identifier } = append;
  try {
    const written = await queue.submit({ kind: 'append', stream, expected, events }, { deadlineMs });
    switch (written.outcome) {
      case 'written':
        return batchSuccess(written);
      case 'wrong-version':
        return batchWrongVersion(expected, written.last);
      case 'deleted':
        return batchStreamDeleted(identifier);
    }
  } catch (error) {
    if (error instanceof DeadlinePassed) return batchTimeout();
    if (error instanceof StoreClosing || error instanceof WriteFailed || error instanceof StoreBroken)
      return batchUnavailable(error.message);
    return batchUnavailable(reportFault(error));
  }
}
