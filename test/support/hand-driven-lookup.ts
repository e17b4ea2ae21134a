import { GenerationWriter } from '#key-lookup/generation-writer';
import { MemoryKeyLookup } from '#key-lookup/memory-key-lookup';
import { type MemoryLookupReader } from '#key-lookup/memory-lookup-reader';
import { type LookupChange } from '#keys/project-key';

/** A live lookup in memory that a test moves on by hand: every event is one position further. */
export class HandDrivenLookup {
  readonly store = new MemoryKeyLookup();
  readonly reader: MemoryLookupReader;
  nowMs = 0;
  #position = 0n;
  #proofs = 0;
  #writer: GenerationWriter | undefined;

  private constructor(maxStalenessMs: number) {
    this.reader = this.store.reader({ maxStalenessMs, monotonicMs: () => this.nowMs });
  }

  /** Empty and fresh, at position 1. */
  static async open({ shards = 1, maxStalenessMs = 30_000 } = {}): Promise<HandDrivenLookup> {
    const lookup = new HandDrivenLookup(maxStalenessMs);
    await lookup.store.createGeneration('one', { shards, logId: 'log' });
    lookup.#writer = await GenerationWriter.open(lookup.store, 'one');
    await lookup.store.switchLive(undefined, 'one');
    await lookup.event();
    await lookup.prove();
    return lookup;
  }

  get position(): bigint {
    return this.#position;
  }

  /** One event that does these changes. */
  async event(...changes: LookupChange[]): Promise<void> {
    const after = this.#at(this.#position);
    this.#position += 1n;
    await this.#writer?.apply({ after, upTo: at(this.#position), events: [{ position: this.#position, changes }] });
  }

  async prove(): Promise<void> {
    const here = at(this.#position);
    const stamp = `proof ${++this.#proofs}`;
    await this.#writer?.apply({ after: here, upTo: here, events: [], stamp, unproved: false });
  }

  /** The log is out of sight, until the next proof. */
  async doubt(): Promise<void> {
    await this.#writer?.doubt();
  }

  async retire(): Promise<void> {
    await this.#writer?.retire();
  }

  #at(position: bigint) {
    return position === 0n ? undefined : at(position);
  }
}

function at(position: bigint) {
  return { commit: position, prepare: position };
}
