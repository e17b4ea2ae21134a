/**
 * How requests of a topic travel as one. The transport names no key and knows no contract: what can be joined and how it
 * comes apart again is given by whoever knows the topic.
 */
export interface Joining {
  /** Whether the request may wait for others and be answered with them. */
  readonly canJoin: (request: unknown) => boolean;
  /** One request out of several; each is the JSON text of a request that can join. */
  readonly join: (requests: readonly string[]) => string;
  /** The replies to each of `count` requests, in their order; nothing when the reply is one to the whole. */
  readonly split: (reply: unknown, count: number) => readonly unknown[] | undefined;
  /** Whether a reply to the whole may be given to each. One that may not is a fault for every one of them. */
  readonly isForEach: (reply: unknown) => boolean;
}
