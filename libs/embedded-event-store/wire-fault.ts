import { ClientGone, DeadlinePassed, StoreClosing } from './append-queue.ts';
import { WriteFailed } from './event-log.ts';
import { StoreBroken } from './patience.ts';
import { MalformedRequest } from './wire/append-request.ts';
import {
  cancelled,
  deadlineExceeded,
  internalError,
  invalidArgument,
  requiredMetadataMissing,
  unavailable,
  type WireError,
  writeFailed,
} from './wire/errors.ts';

/** A refusal that EventStoreDB reports as a gRPC status with trailers. */
export class WireFault extends Error {
  constructor(readonly error: WireError) {
    super(error.details);
  }
}

/** What a call that failed ends with. */
export function wireErrorOf(error: unknown): WireError {
  if (error instanceof WireFault) return error.error;
  if (error instanceof MalformedRequest) {
    return error.property === undefined ? invalidArgument(error.message) : requiredMetadataMissing(error.property);
  }
  if (error instanceof DeadlinePassed) return deadlineExceeded(error.message);
  if (error instanceof ClientGone) return cancelled(error.message);
  if (error instanceof StoreClosing || error instanceof StoreBroken) return unavailable(error.message);
  if (error instanceof WriteFailed) return writeFailed(error.message);
  return internalError(reportFault(error));
}

/** For what should never happen: the operator gets the error, the client only that there was one. */
export function reportFault(error: unknown): string {
  process.emitWarning(error instanceof Error ? error : String(error));
  return 'The event store failed; see its standard error.';
}
