import { LEGACY_PARAMETER_SET } from '#contracts/hash-formats';
import { isBareHash, type Verdict, verifyItem, type VerifyItem } from '#contracts/verification';
import { type KeyOwner } from '#keys/project-key';
import { type LookupAnswer, type LookupReader, LookupUnavailable, type ShardReading } from '#key-lookup/lookup-reader';
import { type Readiness, readyWithin } from '#runtime/ready-within';
import { missingScopes } from './scopes.ts';

/** Of each item its verdict, or the promise of one whose shard is later than the others. */
export type Verdicts = readonly (Verdict | Promise<Verdict>)[];

/** How long a list waits for what concerns every shard, so as to be answered together. */
export const TOGETHER_MS = 20;

/**
 * The whole decision: shape → hash → lookup → verdict. One verdict per item, in order; an item that its contract does not
 * accept is refused alone. Asks the lookup once for all of them and waits for nothing but that: what has not reached its
 * `minPosition` is STALE now. A verdict is never given on a lookup that can't be shown to be fresh.
 *
 * @param onUse told of each key that was shown and is good, once per item. One that lacks a scope counts as used, too, as
 *   it does with PostHog: whoever asks whether a key is still in use wants to hear of it
 * @throws what the lookup throws, but for LookupUnavailable, which is the verdict UNAVAILABLE
 */
export async function verifyEach(
  items: readonly unknown[],
  lookup: LookupReader,
  onUse?: (key: KeyOwner) => void,
): Promise<Verdicts> {
  const parsed = items.map(parse);
  const hashes: string[] = [];
  for (const item of parsed) if (item?.hash !== undefined) hashes.push(item.hash);
  const asksAll = parsed.some((item) => item !== undefined && item.hash === undefined);
  try {
    const [answers, shards] = await Promise.all([
      hashes.length === 0 ? [] : lookup.lookUp(hashes),
      asksAll ? readyWithin(shardsOf(lookup), TOGETHER_MS) : NO_SHARDS,
    ]);
    let next = 0;
    return parsed.map((item) => {
      if (item === undefined) return INVALID_REQUEST;
      if (item.hash === undefined) {
        return 'value' in shards ? reached(item, shards.value) : shards.late.then((each) => reached(item, each));
      }
      const answer = answers[next++];
      return answer instanceof Promise ? answer.then((late) => judge(item, late, onUse)) : judge(item, answer, onUse);
    });
  } catch (error) {
    if (!(error instanceof LookupUnavailable)) throw error;
    return parsed.map((item) => (item === undefined ? INVALID_REQUEST : UNAVAILABLE));
  }
}

/** verifyEach, when all of them are there. */
export async function verifyMany(...asked: Parameters<typeof verifyEach>): Promise<Verdict[]> {
  const verdicts = await verifyEach(...asked);
  return verdicts.every(isReady) ? [...verdicts] : Promise.all(verdicts.map((verdict) => Promise.resolve(verdict)));
}

function isReady(verdict: Verdict | Promise<Verdict>): verdict is Verdict {
  return !(verdict instanceof Promise);
}

const NO_SHARDS: Readiness<readonly ShardReading[]> = { value: [] };
const INVALID_REQUEST: Verdict = { valid: false, code: 'INVALID_REQUEST' };
const UNAVAILABLE: Verdict = { valid: false, code: 'UNAVAILABLE' };

/** None where some can't be asked: that is the verdict of those who ask for all, and keeps nobody from the others. */
async function shardsOf(lookup: LookupReader): Promise<readonly ShardReading[]> {
  try {
    return await lookup.shards();
  } catch (error) {
    if (error instanceof LookupUnavailable) return [];
    throw error;
  }
}

function parse(item: unknown): VerifyItem | undefined {
  if (isBareHash(item)) return item;
  const result = verifyItem.safeParse(item);
  return result.success ? result.data : undefined;
}

function judge(item: VerifyItem, answer: LookupAnswer | undefined, onUse?: (key: KeyOwner) => void): Verdict {
  if (answer === undefined) throw new RangeError('The lookup gave fewer answers than it was asked for.');
  const { entry, unreadable, shard } = answer;
  if (unreadable === true || !shard.fresh || shard.position === undefined) return UNAVAILABLE;
  const position = textOf(shard.position);
  if (mayBeBefore(shard.position, shard.unproved, item)) return { valid: false, code: 'STALE', position };
  if (entry === undefined) return notFound(position, shard);
  onUse?.(entry);
  const missing = item.scopes === undefined ? [] : missingScopes(entry.scopes, item.scopes);
  if (missing.length > 0) return { valid: false, code: 'INSUFFICIENT_SCOPE', position, missing };
  return { valid: true, keyId: entry.keyId, userId: entry.userId, scopes: [...entry.scopes], position };
}

let latest = { position: 0n, text: '0' };

/** A shard's position is that of many verdicts in a row, and writing it out costs as much as a lookup in memory. */
function textOf(position: bigint): string {
  if (position !== latest.position) latest = { position, text: String(position) };
  return latest.text;
}

/**
 * Unknown and revoked alike. The asking edge may try the legacy parameter sets that some key still has; only those that it
 * would run, since the log may hold a forged count of iterations.
 */
function notFound(position: string, shard: ShardReading): Verdict {
  const legacy = shard.legacy.filter((parameterSet) => LEGACY_PARAMETER_SET.test(parameterSet));
  return { valid: false, code: 'NOT_FOUND', position, ...(legacy.length > 0 && { legacy }) };
}

/** An item without a hash asks whether every shard is there; the position is that of the last one. */
function reached(item: VerifyItem, shards: readonly ShardReading[]): Verdict {
  let least: bigint | undefined;
  const unproved = shards.some((shard) => shard.unproved);
  for (const { fresh, position } of shards) {
    if (!fresh || position === undefined) return UNAVAILABLE;
    if (least === undefined || position < least) least = position;
  }
  if (least === undefined) return UNAVAILABLE;
  return { valid: false, code: mayBeBefore(least, unproved, item) ? 'STALE' : 'NOT_FOUND', position: String(least) };
}

/** A position of a log that may be no more says nothing about `minPosition`, which is one of the log that is there. */
function mayBeBefore(position: bigint, unproved: boolean, { minPosition }: VerifyItem): boolean {
  return minPosition !== undefined && (unproved || position < BigInt(minPosition));
}
