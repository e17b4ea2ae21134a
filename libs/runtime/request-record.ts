/**
 * A request with what travels beside it, given to `ClientProxy.send` in the place of the bare payload (as Nest's own
 * record builders do for other transports). `deadlineMs` is Unix ms, sent as `latchkey_deadline`; a retry keeps it.
 */
export class RequestRecord<R = unknown> {
  constructor(
    readonly request: R,
    readonly options: { readonly deadlineMs?: number } = {},
  ) {
    const { deadlineMs } = options;
    if (deadlineMs !== undefined && !Number.isSafeInteger(deadlineMs)) {
      throw new RangeError('deadlineMs must be a whole number of Unix milliseconds');
    }
  }
}
