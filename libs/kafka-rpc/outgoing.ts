import { type Message } from 'kafkajs';

/** Something to be written, and what becomes of it. */
export interface Outgoing {
  readonly topic: string;
  readonly message: Message;
  /** Not written after it; Unix ms. */
  readonly deadlineMs: number;
  /** False once nobody waits for what follows from it: then it need not be written. Default: somebody does. */
  readonly isWanted?: () => boolean;
  /** Called exactly once. Without an error it is in the topic; `expired`: not written in time; else it can't be written. */
  readonly settle: (error?: Error | 'expired') => void;
}

/** kafkajs groups a send's messages in quadratic time: more at once cost more than a second send. */
const MAX_MESSAGES = 500;
/** A produce request must stay below the broker's `message.max.bytes`, 1 MiB unless it was changed. */
const MAX_BYTES = 600_000;
/** Roughly what a record takes beside its value and headers. */
const OVERHEAD_BYTES = 100;

/** Messages in the order in which they are to be written. */
export class OutgoingQueue {
  #waiting: Outgoing[] = [];

  get length(): number {
    return this.#waiting.length;
  }

  add(outgoing: Outgoing): void {
    this.#waiting.push(outgoing);
  }

  addFirst(batch: readonly Outgoing[]): void {
    this.#waiting = [...batch, ...this.#waiting];
  }

  /** As much as one produce request should have; what is not to be written any more is settled on the way. */
  take(): Outgoing[] {
    const nowMs = Date.now();
    const batch: Outgoing[] = [];
    const late: Outgoing[] = [];
    let bytes = 0;
    let taken = 0;
    for (const outgoing of this.#waiting) {
      const size = sizeOf(outgoing);
      if (batch.length === MAX_MESSAGES || (batch.length > 0 && bytes + size > MAX_BYTES)) break;
      taken += 1;
      if (isLate(outgoing, nowMs)) late.push(outgoing);
      else {
        batch.push(outgoing);
        bytes += size;
      }
    }
    this.#waiting = taken === this.#waiting.length ? [] : this.#waiting.slice(taken);
    for (const { settle } of late) settle('expired');
    return batch;
  }

  /** Settles what is past its deadline or nobody waits for. */
  prune(): void {
    const nowMs = Date.now();
    const late = this.#waiting.filter((outgoing) => isLate(outgoing, nowMs));
    if (late.length === 0) return;
    this.#waiting = this.#waiting.filter((outgoing) => !isLate(outgoing, nowMs));
    for (const { settle } of late) settle('expired');
  }
}

function isLate({ deadlineMs, isWanted }: Outgoing, nowMs: number): boolean {
  return nowMs >= deadlineMs || isWanted?.() === false;
}

export function byTopic(batch: readonly Outgoing[]): { topic: string; messages: Message[] }[] {
  return [...grouped(batch, ({ topic }) => topic)].map(([topic, group]) => ({
    topic,
    messages: group.map(({ message }) => message),
  }));
}

/** In the order in which each group first comes. */
export function grouped(
  batch: readonly Outgoing[],
  nameOf: (outgoing: Outgoing) => string,
): ReadonlyMap<string, readonly Outgoing[]> {
  const groups = new Map<string, Outgoing[]>();
  for (const outgoing of batch) {
    const name = nameOf(outgoing);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [outgoing]);
    else group.push(outgoing);
  }
  return groups;
}

/** What fails together, and apart from all else: a topic, and a partition of it where the message names one. */
export function laneOf({ topic, message: { partition } }: Outgoing): string {
  return `${topic}/${partition ?? ''}`;
}

/** Of the record, about. An error travels in a header, and may be as large as any value. */
export function sizeOf({ message: { key, value, headers = {} } }: Outgoing): number {
  let bytes = OVERHEAD_BYTES + bytesOf(key) + bytesOf(value);
  for (const name in headers) {
    const header = headers[name];
    bytes += name.length;
    for (const one of Array.isArray(header) ? header : [header]) bytes += bytesOf(one);
  }
  return bytes;
}

function bytesOf(text: Buffer | string | null | undefined): number {
  return text === null || text === undefined ? 0 : Buffer.byteLength(text);
}
