import { type ServerDuplexStream } from '@grpc/grpc-js';
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
  batchTimeout,
  batchTooLarge,
  batchUnavailable,
  batchWrongVersion,
} from './wire/append-response.ts';
import { type Addressee, errorBytes, successBytes } from './wire/batch-answer.ts';
import { MAX_APPEND_BYTES, unavailable } from './wire/errors.ts';
import { type WholeAppend } from './wire/whole-append.ts';
import { reportFault } from './wire-fault.ts';
import { type WriteOutcome } from './write-plan.ts';

export type BatchCall = ServerDuplexStream<WholeAppend | streamsPb.BatchAppendReq, Buffer>;

interface Append extends Addressee {
  readonly stream: string;
  readonly expected: Expected;
  readonly events: readonly ProposedEvent[];
  readonly deadlineMs?: number;
}

/** An append that has not all arrived: clients split large ones over several messages. */
interface Unfinished extends Append {
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
  let inFlight = 0;
  let ended = false;
  let allAnswered: (() => void) | undefined;

  const throttle = () => {
    if (inFlight >= MAX_IN_FLIGHT || call.writableNeedDrain) call.pause();
    else if (!ended) call.resume();
  };

  const send = (answer: Buffer) => {
    if (!call.destroyed && !call.writableEnded) call.write(answer);
  };

  const submit = (append: Append) => {
    const { stream, expected, events, deadlineMs } = append;
    const answered = (answer: Buffer) => {
      send(answer);
      inFlight -= 1;
      if (ended && inFlight === 0) allAnswered?.();
      throttle();
    };
    inFlight += 1;
    queue.submit({ kind: 'append', stream, expected, events }, deadlineMs === undefined ? {} : { deadlineMs }).then(
      (written) => answered(answerOf(append, written)),
      (error: unknown) => answered(errorBytes(append, failure(error))),
    );
  };

  const timeOutLate = () => {
    for (const late of takeLate(unfinished)) send(errorBytes(late, batchTimeout()));
  };

  const takeWhole = (append: WholeAppend) => {
    timeOutLate();
    unfinished.delete(append.id);
    if (append.events.reduce((sum, event) => sum + sizeOnDisk(event), 0) <= MAX_APPEND_BYTES) submit(append);
    else send(errorBytes(append, batchTooLarge()));
  };

  const take = (request: streamsPb.BatchAppendReq) => {
    const id = uuidText(request.getCorrelationId());
    const options = request.getOptions();
    if (options !== undefined) {
      timeOutLate();
      unfinished.set(id, begin(request, options));
    }
    const append = unfinished.get(id);
    // Messages of an append that was refused already; its client has its answer.
    if (append === undefined) return;
    unfinished.delete(id);
    addEvents(append, request.getProposedMessagesList());
    if (append.size > MAX_APPEND_BYTES) send(errorBytes(append, batchTooLarge()));
    else if (!request.getIsFinal()) unfinished.set(id, append);
    else submit(append);
  };

  const finish = (end: () => void) => {
    if (ended) return;
    ended = true;
    closing.removeEventListener('abort', close);
    allAnswered = end;
    if (inFlight === 0) end();
  };
  const close = () => finish(() => call.emit('error', unavailable('The event store is closing')));

  call.on('data', (request: WholeAppend | streamsPb.BatchAppendReq) => {
    if (ended) return;
    if ('events' in request) takeWhole(request);
    else {
      try {
        take(request);
      } catch (error) {
        if (!(error instanceof MalformedRequest)) throw error;
        send(errorBytes(addressee(request, request.getOptions()), batchBadRequest(error.message)));
      }
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

function addressee(
  request: streamsPb.BatchAppendReq,
  options: streamsPb.BatchAppendReq.Options | undefined,
): Addressee {
  return {
    correlationId: request.getCorrelationId()?.serializeBinary(),
    identifier: options?.getStreamIdentifier()?.serializeBinary(),
  };
}

function begin(request: streamsPb.BatchAppendReq, options: streamsPb.BatchAppendReq.Options): Unfinished {
  return {
    ...addressee(request, options),
    stream: streamName(options.getStreamIdentifier()),
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

function answerOf(append: Append, written: WriteOutcome): Buffer {
  switch (written.outcome) {
    case 'written':
      return successBytes(append, written);
    case 'wrong-version':
      return errorBytes(append, batchWrongVersion(append.expected, written.last));
    case 'deleted':
      return errorBytes(append, batchStreamDeleted(append.identifier));
  }
}

function failure(error: unknown): streamsPb.BatchAppendResp {
  if (error instanceof DeadlinePassed) return batchTimeout();
  if (error instanceof StoreClosing || error instanceof WriteFailed || error instanceof StoreBroken)
    return batchUnavailable(error.message);
  return batchUnavailable(reportFault(error));
}
