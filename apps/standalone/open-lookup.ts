import { type LookupReader } from '#key-lookup/lookup-reader';
import { type LookupStore } from '#key-lookup/lookup-store';
import { MemoryKeyLookup } from '#key-lookup/memory-key-lookup';
import { type RedisConnectionState } from '#key-lookup/redis-connection';
import { type NestLogger } from '#runtime/logging';
import { type Shutdown } from '#runtime/shutdown';

export interface LookupSettings {
  /** Undefined: in memory. */
  readonly REDIS_URL?: string | undefined;
  readonly LOOKUP_SHARDS: number;
  readonly MAX_STALENESS_MS: number;
}

/** The lookup in Redis where one is named, else in this process's memory. A Redis that is away is waited for, and told. */
export async function openLookup(
  { REDIS_URL, MAX_STALENESS_MS }: LookupSettings,
  logger: NestLogger,
  shutdown: Shutdown,
): Promise<{ lookup: LookupStore; reader: LookupReader }> {
  const options = { maxStalenessMs: MAX_STALENESS_MS, monotonicMs: () => performance.now() };
  if (REDIS_URL === undefined) {
    const lookup = new MemoryKeyLookup();
    return { lookup, reader: lookup.reader(options) };
  }
  // Only here, since a start without Redis shall not wait for its client to load.
  const { RedisKeyLookup } = await import('#key-lookup/redis-key-lookup');
  const onState = (state: RedisConnectionState, fault?: Error) => {
    if (shutdown.isStopping) return;
    if (state === 'lost') logger.warn(`Redis is away: ${fault?.message ?? 'the connection was closed'}`, 'Lookup');
    else logger.log('Connected to Redis', 'Lookup');
  };
  const lookup = await RedisKeyLookup.connect({ url: REDIS_URL, onState });
  shutdown.add('lookup', () => {
    lookup.close();
  });
  const reader = await lookup.reader(options);
  shutdown.add('lookup reader', () => {
    reader.close();
  });
  return { lookup, reader };
}
