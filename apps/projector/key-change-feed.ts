import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { type KeyChangeRecord, MAX_CHANGED_HASHES } from '#contracts/key-changes';
import { type LookupBatch } from '#key-lookup/generation-writer';
import { hashOf } from '#keys/project-key';

/** An ordered log of records for other processes: topic `keys.changed`. */
export interface RecordLog {
  /** In order and after all that was appended before. A rejection leaves open whether some, all or none are there. */
  append(records: readonly string[]): Promise<void>;
}

export interface KeyChangeFeedOptions {
  /** How long a proof may wait to be told: caches would take an old one for a fresh one. */
  readonly maxProofMs?: number;
  readonly monotonicMs?: () => number;
  readonly onFault?: (fault: unknown) => void;
  readonly onRecovery?: () => void;
}

/** Beyond it, to forget everything is cheaper for everybody. */
const MAX_WAITING = 20_000;
const RETRY_MS = { first: 100, most: 2_000 };

/**
 * Tells caches what changed, after the lookup has it (docs/key-changes.md). The projection never waits for it: records go
 * out in order behind it. Where one can't be written, or may have been left out by whoever wrote before, everything is
 * flushed and the chain begins anew; until then there are no heartbeats, so no cache believes what it has.
 */
export class KeyChangeFeed {
  readonly #log: RecordLog;
  readonly #options: Required<KeyChangeFeedOptions>;
  readonly #stop = new AbortController();
  #logId = '';
  /** Of the newest change that was handed over, or where this writer began. */
  #position = 0n;
  /** Of the last record that was written. */
  #prev = 0n;
  #needsFlush = false;
  #changes: { readonly position: bigint; readonly hashes: readonly string[] }[] = [];
  /** Behind all changes that wait. */
  #proof: { readonly position: bigint; readonly startedMs: number } | undefined;
  #writing: Promise<void> | undefined;

  constructor(log: RecordLog, options: KeyChangeFeedOptions = {}) {
    this.#log = log;
    const defaults = { maxProofMs: 1000, monotonicMs: () => performance.now() };
    this.#options = { ...defaults, onFault: () => undefined, onRecovery: () => undefined, ...options };
  }

  /** A projector begins to follow, from where it is: what was left out before nobody knows. */
  begin(logId: string, position: bigint | undefined): void {
    this.#logId = logId;
    this.#position = position ?? 0n;
    this.#flush();
  }

  /** To be told once the lookup has them. */
  applied(events: LookupBatch['events']): void {
    for (const { position, changes } of events) {
      // The lookup was set back and is being mended: the chain can't go back with it.
      if (position <= this.#position) this.#flush();
      else this.#changes.push({ position, hashes: changes.map(hashOf) });
      this.#position = position;
    }
    if (this.#changes.length > MAX_WAITING) this.#flush();
    this.#write();
  }

  /** Nothing up to `position` is left to apply. @param startedMs of the monotonic clock: when the proof began */
  proved(position: bigint, startedMs: number): void {
    this.#proof = { position, startedMs };
    this.#write();
  }

  /** What waits is not told any more: whoever writes next begins with a flush. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#writing;
  }

  #flush(): void {
    this.#needsFlush = true;
    this.#changes = [];
    this.#proof = undefined;
    this.#write();
  }

  #write(): void {
    if (this.#writing !== undefined) return;
    this.#writing = this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    let retryMs: number = RETRY_MS.first;
    let isFaulty = false;
    for (;;) {
      // What comes in one turn of the event loop goes out together.
      await turn();
      const { records, prev } = this.#take();
      if (records.length === 0 || this.#stop.signal.aborted) {
        // Here, with nothing awaited since the look: what comes next starts a new round.
        this.#writing = undefined;
        return;
      }
      try {
        await this.#log.append(records.map((record) => JSON.stringify(record)));
        this.#prev = prev;
        if (isFaulty) this.#options.onRecovery();
        isFaulty = false;
        retryMs = RETRY_MS.first;
      } catch (fault) {
        if (!isFaulty) this.#options.onFault(fault);
        isFaulty = true;
        this.#flush();
        await delay(retryMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
        retryMs = Math.min(retryMs * 2, RETRY_MS.most);
      }
    }
  }

  /** All that waits, as a chain that hangs on the last record that was written. */
  #take(): { records: readonly KeyChangeRecord[]; prev: bigint } {
    const records: KeyChangeRecord[] = [];
    let prev = this.#prev;
    if (this.#needsFlush) {
      prev = this.#changes[0] === undefined ? this.#position : before(this.#changes[0].position);
      records.push({ type: 'flush', position: String(prev), logId: this.#logId });
      this.#needsFlush = false;
    }
    for (const { position, hashes } of joined(this.#changes)) {
      records.push({ type: 'changed', hashes, position: String(position), prev: String(prev) });
      prev = position;
    }
    this.#changes = [];
    const proof = this.#proof;
    this.#proof = undefined;
    const ageMs = proof === undefined ? Infinity : this.#options.monotonicMs() - proof.startedMs;
    if (proof !== undefined && ageMs <= this.#options.maxProofMs) {
      const position = proof.position > prev ? proof.position : prev;
      const provedAtMs = Math.floor(Date.now() - ageMs);
      records.push({ type: 'heartbeat', position: String(position), prev: String(prev), provedAtMs });
      prev = position;
    }
    return { records, prev };
  }
}

/** Any place before it will do: a flush says nothing about the log. */
function before(position: bigint): bigint {
  return position - 1n;
}

/** Events in order, joined to as few records as may be; each record is as far as its last event. */
function joined(changes: readonly { readonly position: bigint; readonly hashes: readonly string[] }[]) {
  const records: { position: bigint; hashes: string[] }[] = [];
  for (const { position, hashes } of changes) {
    const last = records.at(-1);
    if (last !== undefined && last.hashes.length + hashes.length <= MAX_CHANGED_HASHES) {
      last.hashes.push(...hashes);
      last.position = position;
    } else records.push({ position, hashes: [...hashes] });
  }
  return records;
}
