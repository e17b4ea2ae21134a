import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { type Position } from '../recorded-event.ts';

const { Options } = streamsPb.ReadReq;

export interface StreamReadRequest {
  readonly stream: string;
  /** Inclusive. */
  readonly fromRevision: bigint;
  readonly maxCount?: number | undefined;
}

export function streamReadRequest({ stream, fromRevision, maxCount }: StreamReadRequest): Uint8Array {
  const identifier = new sharedPb.StreamIdentifier();
  identifier.setStreamName(Buffer.from(stream, 'utf8'));
  const from = new Options.StreamOptions();
  from.setStreamIdentifier(identifier);
  from.setRevision(fromRevision.toString());
  return encoded((options) => {
    options.setStream(from);
    options.setCount(String(maxCount ?? Number.MAX_SAFE_INTEGER));
    options.setNoFilter(new sharedPb.Empty());
  });
}

export interface AllReadRequest {
  /** Inclusive; the log's beginning where it is left out. */
  readonly from?: Position | 'end' | undefined;
  readonly backwards?: boolean;
  readonly maxCount?: number;
}

export function allReadRequest({ from, backwards = false, maxCount }: AllReadRequest): Uint8Array {
  return encoded((options) => {
    options.setAll(allOptions(from));
    const { FORWARDS, BACKWARDS } = Options.ReadDirection;
    options.setReadDirection(backwards ? BACKWARDS : FORWARDS);
    options.setCount(String(maxCount ?? Number.MAX_SAFE_INTEGER));
    options.setNoFilter(new sharedPb.Empty());
  });
}

export interface AllSubscriptionRequest {
  /** Exclusive; the log's beginning where it is left out. */
  readonly after: Position | undefined;
  /** Of stream names; the server leaves out all others. */
  readonly prefixes: readonly string[];
  /** The server sends a checkpoint message after this many times 32 events. */
  readonly checkpointInterval: number;
}

export function allSubscriptionRequest({ after, prefixes, checkpointInterval }: AllSubscriptionRequest): Uint8Array {
  const expression = new Options.FilterOptions.Expression();
  expression.setPrefixList([...prefixes]);
  const filter = new Options.FilterOptions();
  filter.setStreamIdentifier(expression);
  filter.setMax(WINDOW);
  filter.setCheckpointintervalmultiplier(checkpointInterval);
  return encoded((options) => {
    options.setAll(allOptions(after));
    options.setSubscription(new Options.SubscriptionOptions());
    options.setFilter(filter);
  });
}

/** How many events the server looks at in one go. */
const WINDOW = 32;

function allOptions(from: Position | 'end' | undefined): streamsPb.ReadReq.Options.AllOptions {
  const all = new Options.AllOptions();
  if (from === undefined) all.setStart(new sharedPb.Empty());
  else if (from === 'end') all.setEnd(new sharedPb.Empty());
  else {
    const position = new Options.Position();
    position.setCommitPosition(from.commit.toString());
    position.setPreparePosition(from.prepare.toString());
    all.setPosition(position);
  }
  return all;
}

/** Ids are asked for as text, which is how they are compared. */
function encoded(fill: (options: streamsPb.ReadReq.Options) => void): Uint8Array {
  const ids = new Options.UUIDOption();
  ids.setString(new sharedPb.Empty());
  const options = new Options();
  options.setUuidOption(ids);
  fill(options);
  const request = new streamsPb.ReadReq();
  request.setOptions(options);
  return request.serializeBinary();
}
