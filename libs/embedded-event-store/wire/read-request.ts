import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { eventFilter, type EventFilter } from '../event-filter.ts';
import { MalformedRequest, revisionNumber, streamName } from './append-request.ts';

/** EventStoreDB's window where a client names none (24.6, `ReadBatchSize`). */
const DEFAULT_WINDOW = 32;

export interface ReadRequest {
  /** Undefined: all streams. */
  readonly stream: string | undefined;
  /** A revision or a position; undefined: the start. */
  readonly from: number | 'end' | undefined;
  readonly backwards: boolean;
  readonly count: number;
  readonly subscribes: boolean;
  readonly filter: EventFilter | undefined;
  /** How many events a filtered subscription considers between two checkpoints. */
  readonly checkpointInterval: number;
  readonly structuredIds: boolean;
}

/** @throws {MalformedRequest} */
export function parseReadRequest(request: streamsPb.ReadReq): ReadRequest {
  const options = request.getOptions();
  if (options === undefined) throw new MalformedRequest('A read needs options');
  const subscribes = options.hasSubscription();
  const filter = options.getFilter();
  return {
    ...start(options),
    backwards: options.getReadDirection() === streamsPb.ReadReq.Options.ReadDirection.BACKWARDS,
    count: options.hasCount() ? revisionNumber(options.getCount()) : Number.MAX_SAFE_INTEGER,
    subscribes,
    filter: filter === undefined ? undefined : parseFilter(filter),
    checkpointInterval: (filter?.hasMax() === true ? filter.getMax() : DEFAULT_WINDOW) * multiplier(filter),
    structuredIds: options.getUuidOption()?.hasStructured() ?? false,
  };
}

function start(options: streamsPb.ReadReq.Options): Pick<ReadRequest, 'stream' | 'from'> {
  const ofStream = options.getStream();
  if (ofStream !== undefined) {
    const from = ofStream.hasEnd()
      ? 'end'
      : ofStream.hasRevision()
        ? revisionNumber(ofStream.getRevision())
        : undefined;
    return { stream: streamName(ofStream.getStreamIdentifier()), from };
  }
  const ofAll = options.getAll();
  if (ofAll === undefined) throw new MalformedRequest('A read needs a stream or $all');
  const position = ofAll.getPosition();
  const from = ofAll.hasEnd() ? 'end' : position && revisionNumber(position.getCommitPosition());
  return { stream: undefined, from };
}

function parseFilter(filter: streamsPb.ReadReq.Options.FilterOptions): EventFilter {
  const byStream = filter.getStreamIdentifier();
  const expression = byStream ?? filter.getEventType();
  if (expression === undefined) throw new MalformedRequest('A filter needs an expression');
  try {
    return eventFilter({
      on: byStream === undefined ? 'type' : 'stream',
      regex: expression.getRegex(),
      prefixes: expression.getPrefixList(),
    });
  } catch (error) {
    throw new MalformedRequest(`A filter's regular expression is none: ${String(error)}`);
  }
}

function multiplier(filter: streamsPb.ReadReq.Options.FilterOptions | undefined): number {
  if (filter === undefined) return 1;
  const multiplier = filter.getCheckpointintervalmultiplier();
  if (multiplier === 0) throw new MalformedRequest('A checkpoint interval is at least 1');
  return multiplier;
}
