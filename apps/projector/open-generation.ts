import { randomUUID } from 'node:crypto';
import { GenerationLost, GenerationWriter } from '#key-lookup/generation-writer';
import { LookupUnavailable } from '#key-lookup/lookup-reader';
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
 * The live generation where it is a projection of this log; otherwise one that another projector began and left, or a new
 * one. A live one of another log is retired at once: nobody may be let in or kept out by a log that is no more, so until
 * the next one is built, readers have none.
 */
export async function openGeneration(lookup: LookupStore, wanted: WantedGeneration): Promise<OpenGeneration> {
  const live = await lookup.live();
  if (wanted.replaced !== undefined && wanted.replaced !== live) await lookup.dropGeneration(wanted.replaced);
  const writer = live === undefined ? undefined : await openWhole(lookup, live);
  if (live !== undefined && writer !== undefined) {
    if (isOf(wanted, writer)) {
      await dropUnused(lookup, live);
      const isLive = async () => (await lookup.live()) === live;
      return { writer, goLive: isLive, isLive };
    }
    await writer.retire();
  }
  const next = (await adoptGeneration(lookup, wanted, live)) ?? (await createGeneration(lookup, wanted));
  return takingOver(lookup, next, live);
}

function isOf({ logId, replaced }: WantedGeneration, { name, origin, retired }: GenerationWriter): boolean {
  return origin.logId === logId && name !== replaced && !retired;
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

/**
 * Where the leader changes before a rebuild ends, the next one goes on with it: otherwise none might ever end, and each
 * would leave its memory behind. Whoever is still at it does no harm, since every write compares the checkpoint. Of several
 * the furthest is taken; those that nobody can finish are dropped.
 */
async function adoptGeneration(
  lookup: LookupStore,
  wanted: WantedGeneration,
  live: string | undefined,
): Promise<GenerationWriter | undefined> {
  let furthest: GenerationWriter | undefined;
  for (const name of await lookup.generations()) {
    if (name === live) continue;
    const writer = await openWhole(lookup, name);
    if (writer === undefined || !isOf(wanted, writer)) await lookup.dropGeneration(name);
    else if (furthest === undefined || reached(writer) > reached(furthest)) furthest = writer;
  }
  return furthest;
}

function reached({ resumeAfter }: GenerationWriter): bigint {
  return resumeAfter?.commit ?? -1n;
}

async function createGeneration(lookup: LookupStore, wanted: WantedGeneration): Promise<GenerationWriter> {
  const { logId, shards } = wanted;
  const name = randomUUID().slice(0, 8);
  if (!(await lookup.createGeneration(name, { shards, logId }))) return createGeneration(lookup, wanted);
  return GenerationWriter.open(lookup, name);
}

function takingOver(lookup: LookupStore, writer: GenerationWriter, from: string | undefined): OpenGeneration {
  const { name } = writer;
  const isLive = async () => (await lookup.live()) === name;
  const goLive = async () => {
    if (!(await lookup.switchLive(from, name))) {
      // The switch may have been done before: by a call whose reply was lost, or by another projector that built this, too.
      const live = await lookup.live();
      if (live !== name) {
        if (live !== undefined) await dropUnused(lookup, live, [name]);
        return false;
      }
    }
    await dropUnused(lookup, name);
    return true;
  };
  return { writer, goLive, isLive };
}

/**
 * Whatever is left over beside the live one, from projectors that crashed, too; who is still building one adopts the live
 * one. As well as it can: what stays is dropped the next time.
 */
async function dropUnused(lookup: LookupStore, live: string, names?: readonly string[]): Promise<void> {
  try {
    for (const name of names ?? (await lookup.generations())) {
      // Asked each time: another projector may make another one live meanwhile.
      if (name !== live && (await lookup.live()) === live) await lookup.dropGeneration(name);
    }
  } catch (error) {
    if (!(error instanceof LookupUnavailable)) throw error;
  }
}
