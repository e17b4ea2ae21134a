/** A place in `$all`. Both parts are kept, and stored as decimal strings, because EventStoreDB asks for both. */
export interface Position {
  readonly commit: bigint;
  readonly prepare: bigint;
}

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: JsonValue | undefined;
}

/** `id` is a UUID, the same one on every retry: by it the server recognises a repeated append. See `event-id.ts`. */
export interface NewEvent {
  readonly id: string;
  readonly type: string;
  readonly data: JsonObject;
  readonly metadata: JsonObject;
}

/** What the log holds. `data` and `metadata` are as stored, so not yet trusted to have any shape. */
export interface RecordedEvent {
  readonly id: string;
  readonly type: string;
  readonly stream: string;
  /** Place in its stream, from 0; dense unless the stream was deleted and recreated. */
  readonly revision: bigint;
  readonly position: Position;
  readonly data: unknown;
  readonly metadata: unknown;
  /** When the server stored it, epoch ms by its clock. */
  readonly createdMs: number;
}
