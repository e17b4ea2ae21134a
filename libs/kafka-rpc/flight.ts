import { type WritePacket } from '@nestjs/microservices';
import { type Joining } from './joining.ts';

/** One caller's request. */
export interface Waiting {
  /** Let go once it is over: others of its flight may still wait. */
  text: string | Buffer | null;
  readonly bytes: number;
  /** Unix ms. */
  readonly deadlineMs: number;
  /** The same by `performance.now()`. */
  readonly endsAtMs: number;
  readonly callback: (packet: WritePacket) => void;
  /** Undefined while it waits to be sent. */
  flight: Flight | undefined;
  isOver: boolean;
}

/** A request record and whoever waits for its reply. */
export interface Flight {
  readonly correlationId: string;
  readonly pattern: string;
  readonly members: readonly Waiting[];
  /** How it comes apart again; a request that travels alone has none. */
  readonly joining: Joining | undefined;
  /** How many of the members still wait. */
  open: number;
  /** When it was handed over to be written; `performance.now()`. */
  readonly sentAtMs: number;
  /** Called once: answered, failed or given up by all. */
  readonly ended: (isAnswered: boolean) => void;
}
