import { type GenerationOrigin } from './lookup-store.ts';

/** Names the live generation. */
export const LIVE = 'latchkey:lookup:{generations}:live';

/** A hash: generation → `shards logId`. In the pointer's slot, so that a script may ask both. */
export const GENERATIONS = 'latchkey:lookup:{generations}';

/** One hash per shard; the braces put each in a slot of its own. */
export function shardKey(generation: string, shard: number): string {
  return `latchkey:lookup:{${generation}.${shard}}`;
}

export function originText({ shards, logId }: GenerationOrigin): string {
  return `${shards} ${logId}`;
}

export function parseOrigin(text: string): GenerationOrigin {
  const blank = text.indexOf(' ');
  return { shards: Number(text.slice(0, blank)), logId: text.slice(blank + 1) };
}
