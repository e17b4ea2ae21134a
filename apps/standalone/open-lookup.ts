import { type LastUse, type LastUseRemoval, MemoryLastUse } from '#key-lookup/last-use';
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

interface OpenLookup {
  readonly lookup: LookupStore;
  readonly reader: LookupReader;
  readonly lastUse: LastUse & LastUseRemoval;
}

/** The lookup in Redis where one is named, else in this process's memory. A Redis that is away is waited for, and told. */
export async function openLookup(
  { REDIS_URL, MAX_STALENESS_MS }: LookupSettings,
  logger: NestLogger,
  shutdown: Shutdown,
): Promise<OpenLookup> {
  const options = { maxStalenessMs: MAX_STALENESS_MS, monotonicMs: () => performance.now() };
  if (REDIS_URL === undefined) {
    const lookup = new MemoryKeyLookup();
    return { lookup, reader: lookup.reader(options), lastUse: new MemoryLastUse() };
  }
  // Only here, since a start without Redis shall not wait for its client to load.
  const [{ RedisKeyLookup }, { RedisLastUse }] = await Promise.all([
    import('#key-lookup/redis-key-lookup'),
    import('#key-lookup/redis-last-use'),
  ]);
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
  const lastUse = await RedisLastUse.connect({
    url: REDIS_URL,
    onFault: (fault, lostKeys) =>
      logger.warn(`The last use of ${lostKeys} keys was neither noted nor removed: ${messageOf(fault)}`, 'Last use'),
  });
  shutdown.add('last use', () => {
    lastUse.close();
  });
  return { lookup, reader, lastUse };
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : 'unknown fault';
}
