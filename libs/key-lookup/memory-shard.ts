import { type KeyOwner, type LookupChange, type LookupEntry } from '#keys/project-key';
import { fieldOf } from './lookup-field.ts';
import {
  type Checkpoint,
  type GenerationOrigin,
  type ShardState,
  type ShardWrite,
  type ShardWriteResult,
} from './lookup-store.ts';

export interface MemoryGeneration {
  readonly origin: GenerationOrigin;
  readonly shards: readonly MemoryShard[];
}

/** One shard in memory. Nothing here awaits, so every method is atomic. */
export class MemoryShard {
  readonly entries = new Map<string, LookupEntry>();
  readonly #legacyCounts = new Map<string, number>();
  #legacy: readonly string[] = [];
  #checkpoint: Checkpoint | undefined;
  #stamp: string | undefined;
  #retired = false;
  #unproved = false;

  get state(): ShardState {
    return { checkpoint: this.#checkpoint, stamp: this.#stamp, retired: this.#retired, unproved: this.#unproved };
  }

  get position(): bigint | undefined {
    return this.#checkpoint?.commit;
  }

  get stamp(): string | undefined {
    return this.#stamp;
  }

  get retired(): boolean {
    return this.#retired;
  }

  get unproved(): boolean {
    return this.#unproved;
  }

  /** Parameter sets that some key still has, sorted. */
  get legacy(): readonly string[] {
    return this.#legacy;
  }

  get legacyCounts(): ReadonlyMap<string, number> {
    return this.#legacyCounts;
  }

  write(write: ShardWrite): ShardWriteResult {
    if (write.expected?.commit !== this.#checkpoint?.commit) return { outcome: 'mismatch', actual: this.#checkpoint };
    let refused = 0;
    for (const change of write.changes) if (!this.#change(change)) refused += 1;
    if (write.legacy.size > 0) this.#count(write.legacy);
    this.#checkpoint = write.checkpoint;
    this.#stamp = write.stamp ?? this.#stamp;
    this.#retired = write.retired ?? this.#retired;
    this.#unproved = write.unproved ?? this.#unproved;
    return { outcome: 'written', refused };
  }

  /** False: there is no entry of that owner's to change. */
  #change(change: LookupChange): boolean {
    if ('put' in change) return this.#set(fieldOf(change.put), change.entry, true);
    if ('replace' in change) return this.#set(fieldOf(change.replace), change.entry, false);
    const field = fieldOf(change.remove);
    const held = this.entries.get(field);
    return held !== undefined && isOwner(change.owner, held) && this.entries.delete(field);
  }

  #set(field: string, entry: LookupEntry, mayAdd: boolean): boolean {
    const held = this.entries.get(field);
    if (held === undefined ? !mayAdd : !isOwner(entry, held)) return false;
    this.entries.set(field, entry);
    return true;
  }

  #count(differences: ReadonlyMap<string, number>): void {
    for (const [parameterSet, difference] of differences) {
      const count = (this.#legacyCounts.get(parameterSet) ?? 0) + difference;
      if (count === 0) this.#legacyCounts.delete(parameterSet);
      else this.#legacyCounts.set(parameterSet, count);
    }
    this.#legacy = [...this.#legacyCounts].flatMap(([parameterSet, count]) => (count > 0 ? [parameterSet] : [])).sort();
  }
}

function isOwner(owner: KeyOwner, entry: LookupEntry): boolean {
  return entry.keyId === owner.keyId && entry.userId === owner.userId;
}
