import { randomUUID } from 'node:crypto';
import { GenerationWriter } from '#key-lookup/generation-writer';
import { type LookupStore } from '#key-lookup/lookup-store';

export interface OpenGeneration {
  readonly writer: GenerationWriter;
  /** Makes it the live one, once it is at the log's head. False: another projector was first, and this one is dropped. */
  readonly goLive: () => Promise<boolean>;
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
  if (wanted.replaced !== undefined && wanted.replaced !== live) await lookup.dropGeneration(wanted.replaced);
  const origin = live === undefined ? undefined : await lookup.origin(live);
  if (live !== undefined && origin !== undefined) {
    const writer = await GenerationWriter.open(lookup, live);
    const isOfThisLog = origin.logId === wanted.logId && live !== wanted.replaced && !writer.retired;
    if (isOfThisLog) return { writer, goLive: () => Promise.resolve(true) };
    await writer.retire();
  }
  return createGeneration(lookup, wanted, live);
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
    const unused = isFirst ? replaced : name;
    if (unused !== undefined) await lookup.dropGeneration(unused);
    return isFirst;
  };
  return { writer: await GenerationWriter.open(lookup, name), goLive };
}
