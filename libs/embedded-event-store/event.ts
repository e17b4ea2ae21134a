/** An event as a client proposed it. `id` is a UUID in its canonical lower-case form. */
export interface ProposedEvent {
  readonly id: string;
  readonly type: string;
  readonly isJson: boolean;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

/** Where and when an event was stored. `revision` is a bigint because a tombstone's is 2⁶³−1. */
export interface Placement {
  readonly stream: string;
  readonly revision: bigint;
  readonly position: number;
  readonly createdMs: number;
}
