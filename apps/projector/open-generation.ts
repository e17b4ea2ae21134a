import { randomUUID } from 'node:crypto';
import { GenerationLost, GenerationWriter } from '#key-lookup/generation-writer';
import { type LookupStore } from '#key-lookup/lookup-store';

export interface OpenGeneration {
  readonly writer: GenerationWriter;
  /** Makes it the live one, once it is at the log's head. False: another projector was first, and this one is dropped. */
  readonly goLive: () => Promise<boolean>;
  /** Whether the pointer names it. It may have been lost, or restored with an older dump, while the shards are there. */
  readonly isLive: () => Promise<boolean>;
}

export interface WantedGeneration {
  readonly logId: string;
  /** Of a new generation; one that exists keeps its own. */
  readonly shards: number;
  /** A generation that is known not to be of this log, whatever it says. */
  readonly replaced?: string | undefined;
}

/**
 * The live generation where it is a projection of this log, otherwise a new one. A live one of another log is retired at
 * once: nobody may be let in or kept out by a log that is no more, so until the new one is built, readers have none.
 */
export async function openGeneration(lookup: LookupStore, wanted: WantedGeneration): Promise<OpenGeneration> {
  const live = await lookup.live();
  const isLive = async (name: string) => (await lookup.live()) === name;
  if (wanted.replaced !== undefined && wanted.replaced !== live) await lookup.dropGeneration(wanted.replaced);
  const writer = live === undefined ? undefined : await openWhole(lookup, live);
  if (live !== undefined && writer !== undefined) {
    const isOfThisLog = writer.origin.logId === wanted.logId && live !== wanted.replaced && !writer.retired;
    if (isOfThisLog) return { writer, goLive: () => isLive(live), isLive: () => isLive(live) };
    await writer.retire();
  }
  return createGeneration(lookup, wanted, live);
}

/** Undefined: it is gone, or some shard of it is; readers get no answer from such a one. */
async function openWhole(lookup: LookupStore, name: string): Promise<GenerationWriter | undefined> {
  try {
    return await GenerationWriter.open(lookup, name);
  } catch (error) {
    if (error instanceof GenerationLost) return undefined;
    throw error;
  }
}

async function createGeneration(
  lookup: LookupStore,
  { logId, shards }: WantedGeneration,
  replaced: string | undefined,
): Promise<OpenGeneration> {
  const name = randomUUID().slice(0, 8);
  if (!(await lookup.createGeneration(name, { shards, logId }))) {
    return createGeneration(lookup, { logId, shards }, replaced);
  }
  const goLive = async () => {
    const isFirst = await lookup.switchLive(replaced, name);
    // Whatever is left over from projectors that crashed, too; who is still building one adopts this.
    const unused = isFirst ? (await lookup.generations()).filter((other) => other !== name) : [name];
    for (const other of unused) await lookup.dropGeneration(other);
    return isFirst;
  };
  const isLive = async () => (await lookup.live()) === name;
  return { writer: await GenerationWriter.open(lookup, name), goLive, isLive };
}
