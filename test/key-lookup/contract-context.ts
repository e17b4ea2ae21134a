import { type LookupReader } from '#key-lookup/lookup-reader';
import { type LookupStore } from '#key-lookup/lookup-store';

/** A lookup of its own per test, empty at first. */
export interface LookupUnderTest {
  readonly store: LookupStore;
  /** On a connection of its own, where there are connections. */
  readonly reader: (options: { maxStalenessMs: number; monotonicMs: () => number }) => Promise<LookupReader>;
  readonly close: () => Promise<void>;
}

export interface Context {
  /** The lookup of the running test. */
  readonly lookup: () => LookupUnderTest;
  readonly shards: number;
}
