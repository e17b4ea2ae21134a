import { type VerificationCode } from '#contracts/codes';
import { type Verdict, type VerifyItem } from '#contracts/verification';
import { sha256Hash } from '#credentials/hash';
import { shapeOf } from '#credentials/key-value';
import { type LegacyHasher, type LegacyHashing } from '#credentials/legacy-hasher';
import { type Secret } from '#credentials/secret';
import { BoundedMap } from './bounded-map.ts';
import { LegacyMemory } from './legacy-memory.ts';
import { RequestFault } from './request-fault.ts';
import { type RequestOptions, type Requests } from './requests.ts';

export interface VerifyOptions extends RequestOptions {
  /** All of them must be granted; none: any good key will do. */
  readonly scopes?: readonly string[];
  /** A decimal log position: the verdict must be true at or after it, else STALE. */
  readonly minPosition?: string;
}

/** UNAVAILABLE, STALE and INVALID_REQUEST are no verdicts: nothing is known about the key. */
export type Verification =
  | {
      readonly valid: true;
      readonly keyId: string;
      readonly userId: string;
      readonly scopes: readonly string[];
      readonly position: string;
    }
  | {
      readonly valid: false;
      readonly code: VerificationCode;
      readonly position?: string;
      /** INSUFFICIENT_SCOPE: the scopes asked for that the key lacks. */
      readonly missing?: readonly string[];
    };

export interface ValueVerifierOptions {
  /** The own values' prefix, without its underscore. */
  readonly keyPrefix: string;
  readonly hasher: LegacyHasher;
  /** A monotonic clock, in ms. */
  readonly nowMs?: () => number;
}

/** Long enough for a queue of PBKDF2 runs ahead, short enough for whoever holds a request open meanwhile. */
const DEFAULT_TIMEOUT_MS = 5_000;
const MAX_TURNED_AWAY = 10_000;

/**
 * From a key's value to a verdict, in the process that was shown the value: only hashes leave it. Values that can't be
 * keys are refused here; the rest are hashed and looked up by the auth service. While legacy keys exist, foreign values
 * that are not found by their modern hash are tried with the parameter sets that are in use, one PBKDF2 run at a time.
 */
export class ValueVerifier {
  readonly #memory: LegacyMemory;
  /** Values whose run found no place, or came too late for whoever asked, for as long as thousands of others take to be told the same. */
  readonly #turnedAway = new BoundedMap<string, true>(MAX_TURNED_AWAY);
  readonly #running = new Map<string, Promise<LegacyHashing>>();

  constructor(
    private readonly requests: Requests,
    private readonly options: ValueVerifierOptions,
  ) {
    this.#memory = new LegacyMemory(options.nowMs ?? (() => performance.now()));
  }

  /** Undefined: something other than text stood in the value's place. Never throws for a fault: UNAVAILABLE. */
  async verify(value: Secret | undefined, options: VerifyOptions = {}): Promise<Verification> {
    if (value === undefined) return NOT_FOUND;
    const shape = shapeOf(value, this.options.keyPrefix);
    if (shape === 'malformed') return NOT_FOUND;
    const question = new Question(this.requests, options);
    try {
      const hash = sha256Hash(value);
      const verdict = await question.ask(hash);
      if (verdict.valid || verdict.code !== 'NOT_FOUND') return verification(verdict);
      this.#memory.noteParameterSets(verdict.legacy ?? []);
      const isLegacyPossible = shape === 'foreign' && verdict.legacy !== undefined && verdict.legacy.length > 0;
      return isLegacyPossible ? await this.#searchLegacy(value, hash, verdict, question) : verification(verdict);
    } catch (error) {
      if (error instanceof RequestFault) return UNAVAILABLE;
      throw error;
    }
  }

  async #searchLegacy(value: Secret, hash: string, miss: NotFound, question: Question): Promise<Verification> {
    const known = this.#memory.foundHash(hash);
    if (known !== undefined) {
      const verdict = await question.ask(known);
      if (verdict.valid || verdict.code !== 'NOT_FOUND') return verification(verdict);
      this.#memory.forgetFound(hash);
    }
    const missedAt = this.#memory.missAt(hash, question.minPosition);
    if (missedAt !== undefined) return notFoundAt(missedAt);
    const parameterSets = miss.legacy ?? [];
    // Each hash is in a shard of its own, and only up to the one that is least far is it known that none of them was there.
    let reached = positionOf(miss);
    for (const parameterSet of parameterSets) {
      const hashing = await this.#hashOnce(value, hash, parameterSet);
      if (hashing.outcome === 'busy') {
        this.#turnedAway.set(hash, true);
        return UNAVAILABLE;
      }
      if (hashing.outcome === 'unknown-parameters') continue;
      const verdict = await question.ask(hashing.hash).catch((error: unknown) => {
        if (error instanceof RequestFault && error.code === 'EXPIRED') this.#turnedAway.set(hash, true);
        throw error;
      });
      const isFound = verdict.valid || verdict.code === 'INSUFFICIENT_SCOPE';
      if (isFound) this.#memory.rememberFound(hash, hashing.hash);
      if (verdict.valid || verdict.code !== 'NOT_FOUND') return verification(verdict);
      const position = positionOf(verdict);
      if (position < reached) reached = position;
    }
    this.#turnedAway.delete(hash);
    this.#memory.rememberMiss(hash, reached, parameterSets);
    return notFoundAt(reached);
  }

  /**
   * Askers of one value at the same time share one run. None can call it off: it is bounded, and what it comes to is kept
   * for those who ask again.
   */
  async #hashOnce(value: Secret, hash: string, parameterSet: string): Promise<LegacyHashing> {
    const known = this.#memory.runHash(hash, parameterSet);
    if (known !== undefined) return { outcome: 'hashed', hash: known };
    const name = `${hash} ${parameterSet}`;
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    const isReturning = this.#turnedAway.get(hash) !== undefined;
    const run = this.options.hasher
      .hash(value, parameterSet, { isReturning })
      .then((hashing) => {
        if (hashing.outcome === 'hashed') this.#memory.rememberRun(hash, parameterSet, hashing.hash);
        return hashing;
      })
      .finally(() => this.#running.delete(name));
    this.#running.set(name, run);
    return run;
  }
}

/** One request's question, asked with one hash or another, within one deadline. */
class Question {
  readonly minPosition: bigint | undefined;
  readonly #item: VerifyItem;
  readonly #requestOptions: RequestOptions;

  constructor(
    private readonly requests: Requests,
    { scopes, minPosition, deadlineMs = Date.now() + DEFAULT_TIMEOUT_MS, signal }: VerifyOptions,
  ) {
    this.minPosition = minPosition === undefined ? undefined : BigInt(minPosition);
    this.#item = { ...(scopes && { scopes: [...scopes] }), ...(minPosition !== undefined && { minPosition }) };
    this.#requestOptions = { deadlineMs, ...(signal && { signal }) };
  }

  async ask(hash: string): Promise<Verdict> {
    const reply = await this.requests.send('keys.verify', { ...this.#item, hash }, this.#requestOptions);
    if ('valid' in reply) return reply;
    throw new RequestFault('UNAVAILABLE', 'keys.verify', 'many verdicts came for one question');
  }
}

type NotFound = Extract<Verdict, { valid: false }>;

const NOT_FOUND: Verification = { valid: false, code: 'NOT_FOUND' };
const UNAVAILABLE: Verification = { valid: false, code: 'UNAVAILABLE' };

/** One without a position is true nowhere. */
function positionOf({ position = '0' }: NotFound): bigint {
  return BigInt(position);
}

function notFoundAt(position: bigint): Verification {
  return { ...NOT_FOUND, position: String(position) };
}

/** The parameter sets are for the search alone. */
function verification(verdict: Verdict): Verification {
  if (verdict.valid) return verdict;
  const { code, position, missing } = verdict;
  return { valid: false, code, ...(position !== undefined && { position }), ...(missing && { missing }) };
}
