/** The lookup as the projector leaves it, and the sign of life that it gives every second. */
import { setTimeout as delay } from 'node:timers/promises';
import { RedisKeyLookup } from '#key-lookup/redis-key-lookup';
import { shardKey } from '#key-lookup/redis-keys';
import { entryNo, hashNo, KEYS } from './given-keys.mjs';

const GENERATION = 'bench';
const PER_WRITE = 1_000;
const PROOF_EVERY_MS = 1_000;

/** `shardKey`: the hash in Redis that holds the keys, for those who ask it without our library. */
export async function fillLookup(redisUrl) {
  const store = await RedisKeyLookup.connect({ url: redisUrl });
  await store.createGeneration(GENERATION, { shards: 1, logId: 'bench' });
  let checkpoint;
  let proofs = 0;
  const write = async (changes) => {
    const next = { commit: BigInt((proofs += 1)), prepare: BigInt(proofs) };
    const stamp = String(proofs);
    const written = await store.writeShard(GENERATION, 0, {
      expected: checkpoint,
      checkpoint: next,
      changes,
      legacy: new Map(),
      stamp,
    });
    if (written.outcome !== 'written') throw new Error(`The lookup was not filled: ${written.outcome}`);
    checkpoint = next;
  };
  for (let from = 0; from < KEYS; from += PER_WRITE) {
    await write(Array.from({ length: PER_WRITE }, (_, more) => put(from + more)));
  }
  await store.switchLive(undefined, GENERATION);
  let isStopped = false;
  const proving = (async () => {
    while (!isStopped) {
      await write([]);
      await delay(PROOF_EVERY_MS);
    }
  })();
  return {
    shardKey: shardKey(GENERATION, 0),
    stop: async () => {
      isStopped = true;
      await proving;
      store.close();
    },
  };
}

function put(number) {
  return { put: hashNo(number), entry: entryNo(number) };
}
