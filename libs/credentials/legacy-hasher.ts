import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { LEGACY_SALT } from '#contracts/hash-formats';
import { LEGACY_DIGEST, LEGACY_DIGEST_BYTES, legacyHash, legacyIterations } from './legacy-hash.ts';
import { type Secret } from './secret.ts';

export type LegacyHashing =
  | { readonly outcome: 'hashed'; readonly hash: string }
  /** The queue was full, or the caller went away while it waited: nothing is known about the key. */
  | { readonly outcome: 'busy' }
  /** Not a parameter set that is ever run. */
  | { readonly outcome: 'unknown-parameters' };

export interface LegacyHasherOptions {
  /** Runs that may wait behind the one that runs; each takes about a tenth of a second. */
  readonly maxWaiting?: number;
  /** Further places, for values that were turned away before. */
  readonly reserved?: number;
  /** Also run the single iteration of test data. */
  readonly allowTestIterations?: boolean;
  /** The 32 bytes of PBKDF2-HMAC-SHA256 with PostHog's salt; must not block the event loop. */
  readonly derive?: (value: Secret, iterations: number) => Promise<Uint8Array>;
}

export interface LegacyHashingRequest {
  readonly signal?: AbortSignal;
  /** The value was turned away before: it may take a reserved place. */
  readonly isReturning?: boolean;
}

/**
 * Runs PBKDF2 so that nobody can spend the process's CPU on it: on libuv's threads, never two runs at once in a process
 * however many hashers there are, and with a bounded queue in front, beyond which callers are told at once.
 *
 * No order of the queue helps a good value in a flood of unknown ones: they look alike, and runs are too few. But a client
 * with a good value comes again, and guesses mostly don't, so some places are for values that were turned away before.
 * A flood that repeats itself takes those as well.
 */
export class LegacyHasher {
  static #turn: Promise<unknown> = Promise.resolve();

  readonly #options: Required<LegacyHasherOptions>;
  #pending = 0;

  constructor(options: LegacyHasherOptions = {}) {
    this.#options = { maxWaiting: 16, reserved: 4, allowTestIterations: false, derive: deriveLegacy, ...options };
  }

  async hash(
    value: Secret,
    parameterSet: string,
    { signal, isReturning = false }: LegacyHashingRequest = {},
  ): Promise<LegacyHashing> {
    const { maxWaiting, reserved, derive } = this.#options;
    const iterations = legacyIterations(parameterSet, this.#options);
    if (iterations === undefined) return { outcome: 'unknown-parameters' };
    if (this.#pending > maxWaiting + (isReturning ? reserved : 0)) return { outcome: 'busy' };
    this.#pending++;
    try {
      return await LegacyHasher.#inTurn(async () => {
        if (signal?.aborted) return { outcome: 'busy' };
        return { outcome: 'hashed', hash: legacyHash(parameterSet, await derive(value, iterations)) };
      });
    } finally {
      this.#pending--;
    }
  }

  static #inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const mine = LegacyHasher.#turn.then(run);
    // A run that fails is its caller's trouble, not that of the next in the queue.
    LegacyHasher.#turn = mine.catch(() => undefined);
    return mine;
  }
}

const pbkdf2Async = promisify(pbkdf2);

function deriveLegacy(value: Secret, iterations: number): Promise<Uint8Array> {
  return pbkdf2Async(value.reveal(), LEGACY_SALT, iterations, LEGACY_DIGEST_BYTES, LEGACY_DIGEST);
}
