import { hashOf, type LookupChange } from '#keys/project-key';
import { fieldOf, shardOf } from './lookup-field.ts';
import { type Checkpoint, type GenerationOrigin, type LookupStore, type ShardWrite } from './lookup-store.ts';

/** A stretch of the log: every event in (`after`, `upTo`] that changes the lookup, in log order. May hold none. */
export interface LookupBatch {
  readonly after: Checkpoint | undefined;
  readonly upTo: Checkpoint;
  readonly events: readonly { readonly position: bigint; readonly changes: readonly LookupChange[] }[];
  /** Given by a head proof: nothing is left to apply after this batch. Changes every shard's stamp. */
  readonly stamp?: string;
  /** False, given by a head proof that began since the log came into sight: ends what `doubt` began. */
  readonly unproved?: false;
}

/**
 * Applies the log to one generation: each batch goes to each shard, which drops what it has already and refuses what
 * would leave a hole. So batches may be repeated, overlap, or come from two projectors at once. One call at a time.
 */
export class GenerationWriter {
  readonly name: string;
  readonly origin: GenerationOrigin;
  readonly #store: LookupStore;
  #checkpoints: (Checkpoint | undefined)[] = [];
  #retired = false;
  #overtaken = 0;

  private constructor(store: LookupStore, name: string, origin: GenerationOrigin) {
    this.#store = store;
    this.name = name;
    this.origin = origin;
  }

  /** @throws GenerationLost when there is no such generation */
  static async open(store: LookupStore, name: string): Promise<GenerationWriter> {
    const origin = await store.origin(name);
    if (origin === undefined) throw new GenerationLost(name);
    const writer = new GenerationWriter(store, name, origin);
    await writer.refresh();
    return writer;
  }

  /** The smallest checkpoint: where work resumes. Undefined: at the log's beginning. */
  get resumeAfter(): Checkpoint | undefined {
    return this.#checkpoints.reduce((least, one) => (isBefore(one, least) ? one : least));
  }

  get furthest(): Checkpoint | undefined {
    return this.#checkpoints.reduce((most, one) => (isBefore(most, one) ? one : most));
  }

  /** Some shard was marked so, when the shards were last read. */
  get retired(): boolean {
    return this.#retired;
  }

  /** Grows whenever a shard was found elsewhere than this writer had left it: another wrote, or it was set back. */
  get overtaken(): number {
    return this.#overtaken;
  }

  /** Reads the state of the shards again. @throws GenerationLost */
  async refresh(): Promise<void> {
    const shards = Array.from({ length: this.origin.shards }, (_, shard) => shard);
    const states = await Promise.all(
      shards.map(async (shard) => {
        const state = await this.#store.readShard(this.name, shard);
        if (state === undefined) throw new GenerationLost(this.name);
        return state;
      }),
    );
    this.#checkpoints = states.map(({ checkpoint }) => checkpoint);
    this.#retired = states.some(({ retired }) => retired);
  }

  /**
   * A shard that fails keeps nothing from the others, which get the batch and its stamp.
   * @returns how many changes were refused, see ShardWriteResult
   * @throws GenerationLost; GenerationBehind when a shard has not reached `after`, for example since its server was
   *   restored from an older dump (resume from `resumeAfter`); LookupUnavailable
   */
  async apply(batch: LookupBatch): Promise<{ refused: number }> {
    checkOrder(batch);
    const cut = this.#cut(batch);
    const perShard = await allOf(cut.map((events, shard) => this.#applyToShard(shard, { ...batch, events })));
    return { refused: perShard.reduce((sum, refused) => sum + refused, 0) };
  }

  /** Tells readers to ask the pointer again. @throws as `apply` */
  async retire(): Promise<void> {
    await this.#mark({ retired: true });
  }

  /** The log is out of sight: until a proof says `unproved: false`, no `minPosition` is met. @throws as `apply` */
  async doubt(): Promise<void> {
    await this.#mark({ unproved: true });
  }

  async #mark(mark: Pick<ShardWrite, 'retired' | 'unproved'>): Promise<void> {
    const write = { changes: [], legacy: new Map<string, number>(), ...mark };
    await allOf(
      this.#checkpoints.map((_, shard) => this.#write(shard, (at) => ({ ...write, expected: at, checkpoint: at }))),
    );
  }

  /** For each shard all events, each with those of its changes that are this shard's. */
  #cut({ events }: LookupBatch): ShardEvents[] {
    const { shards } = this.origin;
    const cut = Array.from({ length: shards }, (): ShardEvent[] => []);
    for (const { position, changes } of events) {
      const isCounted = changes.some((change) => 'legacy' in change);
      const counted = isCounted ? changes : NONE;
      const own = new Map<number, LookupChange[]>(isCounted ? cut.map((_, shard) => [shard, []]) : []);
      for (const change of changes) {
        const shard = shardOf(fieldOf(hashOf(change)), shards);
        const others = own.get(shard);
        if (others === undefined) own.set(shard, [change]);
        else others.push(change);
      }
      for (const [shard, mine] of own) cut[shard]?.push({ position, changes: mine, counted });
    }
    return cut;
  }

  #applyToShard(shard: number, batch: ShardBatch): Promise<number> {
    return this.#write(shard, (at) => {
      if (isBefore(at, batch.after)) throw new GenerationBehind(this.name, shard);
      const isThere = !isBefore(at, batch.upTo);
      if (isThere && batch.stamp === undefined) return undefined;
      const { stamp, unproved } = batch;
      const proof = { ...(stamp !== undefined && { stamp }), ...(unproved !== undefined && { unproved }) };
      const checkpoint = isThere ? at : batch.upTo;
      return { expected: at, checkpoint, ...this.#changesAfter(at, batch), ...proof };
    });
  }

  /** Compare and set until it holds: on a mismatch the write is made anew from where the shard really is. */
  async #write(shard: number, make: (at: Checkpoint | undefined) => ShardWrite | undefined): Promise<number> {
    for (;;) {
      const write = make(this.#checkpoints[shard]);
      if (write === undefined) return 0;
      const result = await this.#store.writeShard(this.name, shard, write);
      switch (result.outcome) {
        case 'written':
          this.#checkpoints[shard] = write.checkpoint;
          return result.refused;
        case 'mismatch':
          this.#checkpoints[shard] = result.actual;
          this.#overtaken += 1;
          break;
        case 'missing':
          throw new GenerationLost(this.name);
      }
    }
  }

  #changesAfter(at: Checkpoint | undefined, { events }: ShardBatch): Pick<ShardWrite, 'changes' | 'legacy'> {
    const changes: LookupChange[] = [];
    const legacy = new Map<string, number>();
    for (const event of events) {
      if (at !== undefined && event.position <= at.commit) continue;
      for (const change of event.changes) changes.push(change);
      for (const change of event.counted) {
        if ('replace' in change || change.legacy === undefined) continue;
        legacy.set(change.legacy, (legacy.get(change.legacy) ?? 0) + ('put' in change ? 1 : -1));
      }
    }
    return { changes, legacy };
  }
}

/** Waits for all; a write that is under way while the next begins would break the order. @throws the first fault */
async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

const NONE: readonly LookupChange[] = [];

interface ShardEvent {
  readonly position: bigint;
  /** Those of this shard's hashes. */
  readonly changes: readonly LookupChange[];
  /** All that the event does, where some of it concerns a legacy key: every shard counts these. */
  readonly counted: readonly LookupChange[];
}
type ShardEvents = readonly ShardEvent[];
type ShardBatch = Omit<LookupBatch, 'events'> & { readonly events: ShardEvents };

/** There is no such generation, or a shard of it is gone. */
export class GenerationLost extends Error {
  override readonly name = 'GenerationLost';
  constructor(generation: string) {
    super(`Generation ${generation} of the lookup is not there.`);
  }
}

/** Applying the batch would leave a hole. */
export class GenerationBehind extends Error {
  override readonly name = 'GenerationBehind';
  constructor(generation: string, shard: number) {
    super(`Shard ${shard} of generation ${generation} has not reached the beginning of the batch.`);
  }
}

function isBefore(one: Checkpoint | undefined, other: Checkpoint | undefined): boolean {
  if (other === undefined) return false;
  return one === undefined || one.commit < other.commit;
}

function checkOrder({ after, upTo, events }: LookupBatch): void {
  let last = after?.commit ?? -1n;
  for (const { position } of events) {
    if (position <= last) throw new RangeError('The events of a batch must be in log order, after its beginning.');
    last = position;
  }
  if (last > upTo.commit) throw new RangeError('A batch must reach its last event.');
}
