import { once } from 'node:events';
import { type ServerWritableStream } from '@grpc/grpc-js';
import type streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { unavailable } from './wire/errors.ts';
import { wireErrorOf } from './wire-fault.ts';

export type ReadCall = ServerWritableStream<streamsPb.ReadReq, Buffer>;

/** The sending side of one call: waits for slow clients, and knows when nobody listens any more. */
export class Outlet {
  private readonly leaving = new AbortController();

  constructor(
    private readonly call: ReadCall,
    private readonly closing: AbortSignal,
  ) {
    const stop = () => this.leaving.abort();
    call.on('cancelled', stop);
    call.on('close', stop);
    call.on('error', stop);
    closing.addEventListener('abort', stop);
    this.signal.addEventListener('abort', () => closing.removeEventListener('abort', stop));
    if (closing.aborted) stop();
  }

  get signal(): AbortSignal {
    return this.leaving.signal;
  }

  /** Nobody listens any more. */
  isGone(): boolean {
    return this.signal.aborted;
  }

  /** Nothing while the client keeps up; otherwise resolves when it has caught up, or is gone. */
  write(message: Buffer): Promise<void> | undefined {
    if (this.isGone() || this.call.write(message)) return undefined;
    return once(this.call, 'drain', { signal: this.signal }).then(
      () => undefined,
      () => undefined,
    );
  }

  end(): void {
    if (this.closing.aborted) this.call.emit('error', unavailable('The event store is closing'));
    else if (!this.call.cancelled) this.call.end();
  }

  fail(error: unknown): void {
    this.call.emit('error', wireErrorOf(error));
  }
}
