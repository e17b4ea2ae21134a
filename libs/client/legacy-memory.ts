import { BoundedMap } from './bounded-map.ts';

const MISS_LIFETIME_MS = 30_000;

interface Miss {
  readonly atMs: number;
  /** What all that found nothing had reached. */
  readonly position: bigint;
}

/**
 * What an edge remembers of its PBKDF2 runs, by the value's modern hash, so that a value costs one run and not one per
 * request. A hash that a run came to, whoever still waited for it, only saves the run: it is looked up every time. A miss is believed for 30 s, not for
 * callers who insist on a later position, and not once other parameter sets are in use.
 */
export class LegacyMemory {
  readonly #found: BoundedMap<string, string>;
  /** By the value's modern hash and the parameter set. A value may have found no key yet. */
  readonly #runs: BoundedMap<string, string>;
  readonly #misses: BoundedMap<string, Miss>;
  #parameterSets = '';

  constructor(
    private readonly nowMs: () => number,
    capacity = 10_000,
  ) {
    this.#found = new BoundedMap(capacity);
    this.#runs = new BoundedMap(capacity);
    this.#misses = new BoundedMap(capacity);
  }

  /** To be told of the parameter sets in every answer that names them (none: an empty list). */
  noteParameterSets(parameterSets: readonly string[]): void {
    const name = nameOf(parameterSets);
    if (name === this.#parameterSets) return;
    this.#parameterSets = name;
    this.#misses.clear();
  }

  foundHash(modernHash: string): string | undefined {
    return this.#found.get(modernHash);
  }

  rememberFound(modernHash: string, legacyHash: string): void {
    this.#found.set(modernHash, legacyHash);
    this.#misses.delete(modernHash);
  }

  forgetFound(modernHash: string): void {
    this.#found.delete(modernHash);
  }

  /** The legacy hash that a finished run of this value with these parameters came to. */
  runHash(modernHash: string, parameterSet: string): string | undefined {
    return this.#runs.get(`${modernHash} ${parameterSet}`);
  }

  rememberRun(modernHash: string, parameterSet: string, legacyHash: string): void {
    this.#runs.set(`${modernHash} ${parameterSet}`, legacyHash);
  }

  /** The position that a search for this value found nothing at, if that is late enough. */
  missAt(modernHash: string, minPosition: bigint | undefined): bigint | undefined {
    const miss = this.#misses.get(modernHash);
    if (miss === undefined) return undefined;
    if (this.nowMs() - miss.atMs > MISS_LIFETIME_MS) {
      this.#misses.delete(modernHash);
      return undefined;
    }
    return minPosition === undefined || minPosition <= miss.position ? miss.position : undefined;
  }

  /** Kept only if the sets that were searched are still the ones in use. */
  rememberMiss(modernHash: string, position: bigint, searched: readonly string[]): void {
    if (nameOf(searched) !== this.#parameterSets) return;
    this.#misses.set(modernHash, { atMs: this.nowMs(), position });
  }
}

function nameOf(parameterSets: readonly string[]): string {
  return [...parameterSets].sort().join(' ');
}
