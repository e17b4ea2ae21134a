import { type sendUnaryData, type ServerReadableStream, type ServerUnaryCall } from '@grpc/grpc-js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { type AppendQueue, type SubmitOptions } from './append-queue.ts';
import { type Expected } from './append-rules.ts';
import { type ProposedEvent } from './event.ts';
import { expectedRevision, MalformedRequest, proposedEvent, sizeOnDisk, streamName } from './wire/append-request.ts';
import { appendSuccess, appendWrongVersion } from './wire/append-response.ts';
import {
  cancelled,
  MAX_APPEND_BYTES,
  maximumAppendSizeExceeded,
  streamDeleted,
  wrongExpectedVersion,
} from './wire/errors.ts';
import { WireFault, wireErrorOf } from './wire-fault.ts';

type AppendCall = ServerReadableStream<streamsPb.AppendReq, streamsPb.AppendResp>;
type DeleteCall = ServerUnaryCall<streamsPb.DeleteReq, streamsPb.DeleteResp>;
type TombstoneCall = ServerUnaryCall<streamsPb.TombstoneReq, streamsPb.TombstoneResp>;

/** `Append`, `Delete` and `Tombstone`: one request, one answer. */
export function appendService(queue: AppendQueue) {
  return {
    append(call: AppendCall, callback: sendUnaryData<streamsPb.AppendResp>): void {
      answer(callback, async () => {
        const { stream, expected, events } = await readAppend(call);
        const written = await queue.submit({ kind: 'append', stream, expected, events }, optionsOf(call));
        switch (written.outcome) {
          case 'written':
            return appendSuccess(written);
          case 'wrong-version':
            return appendWrongVersion(expected, written.last);
          case 'deleted':
            throw new WireFault(streamDeleted(stream));
        }
      });
    },

    delete(call: DeleteCall, callback: sendUnaryData<streamsPb.DeleteResp>): void {
      answer(callback, async () => {
        const at = new streamsPb.DeleteResp.Position();
        setPosition(at, await remove(queue, 'soft-delete', call, call.request.getOptions()));
        const response = new streamsPb.DeleteResp();
        response.setPosition(at);
        return response;
      });
    },

    tombstone(call: TombstoneCall, callback: sendUnaryData<streamsPb.TombstoneResp>): void {
      answer(callback, async () => {
        const at = new streamsPb.TombstoneResp.Position();
        setPosition(at, await remove(queue, 'tombstone', call, call.request.getOptions()));
        const response = new streamsPb.TombstoneResp();
        response.setPosition(at);
        return response;
      });
    },
  };
}

function answer<Response>(callback: sendUnaryData<Response>, work: () => Promise<Response>): void {
  work().then(
    (response) => callback(null, response),
    (error: unknown) => callback(wireErrorOf(error)),
  );
}

/** The whole append; a client that goes away in the middle has sent none. */
async function readAppend(call: AppendCall) {
  let target: { stream: string; expected: Expected } | undefined;
  const events: ProposedEvent[] = [];
  let size = 0;
  await eachMessage(call, (request) => {
    const message = request.getProposedMessage();
    if (message === undefined) {
      target = appendTarget(request.getOptions());
      return;
    }
    const event = proposedEvent(message);
    size += sizeOnDisk(event);
    if (size > MAX_APPEND_BYTES) throw new WireFault(maximumAppendSizeExceeded());
    events.push(event);
  });
  if (target === undefined) throw new MalformedRequest('An append begins with its options');
  return { ...target, events };
}

/**
 * Resolves when the client has said that this was all. By events, because iterating can't tell that apart from a client
 * that was cut off: a reset ends the stream of messages, too, and the cancellation is told a moment later.
 */
function eachMessage(call: AppendCall, take: (request: streamsPb.AppendReq) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new WireFault(cancelled('The client went away before the end of its append')));
    call.on('data', (request: streamsPb.AppendReq) => {
      try {
        take(request);
      } catch (error) {
        call.removeAllListeners('data').resume();
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    call.on('end', () => setImmediate(() => (call.cancelled ? gone() : resolve())));
    call.on('cancelled', gone);
    call.on('error', gone);
  });
}

function appendTarget(options: streamsPb.AppendReq.Options | undefined): { stream: string; expected: Expected } {
  if (options === undefined) throw new MalformedRequest('A message of an append has no content');
  const revision = options.hasRevision() ? options.getRevision() : undefined;
  return {
    stream: streamName(options.getStreamIdentifier()),
    expected: expectedRevision(options, revision),
  };
}

type DeleteOptions = streamsPb.DeleteReq.Options | streamsPb.TombstoneReq.Options | undefined;

/** @returns the position of the event that records the deletion */
async function remove(
  queue: AppendQueue,
  kind: 'soft-delete' | 'tombstone',
  call: DeleteCall | TombstoneCall,
  options: DeleteOptions,
): Promise<number> {
  if (options === undefined) throw new MalformedRequest('A deletion needs options');
  const stream = streamName(options.getStreamIdentifier());
  const expected = expectedRevision(options, options.hasRevision() ? options.getRevision() : undefined);
  const written = await queue.submit({ kind, stream, expected }, optionsOf(call));
  if (written.outcome === 'deleted') throw new WireFault(streamDeleted(stream));
  if (written.outcome === 'wrong-version') throw new WireFault(wrongExpectedVersion(stream, expected, written.last));
  if (written.position === undefined) throw new Error('A deletion always writes an event');
  return written.position;
}

function setPosition(
  to: { setCommitPosition(value: string): unknown; setPreparePosition(value: string): unknown },
  position: number,
): void {
  to.setCommitPosition(String(position));
  to.setPreparePosition(String(position));
}

function optionsOf(call: AppendCall | DeleteCall | TombstoneCall): SubmitOptions {
  return { deadlineMs: Number(call.getDeadline()), isGone: () => call.cancelled };
}
