/**
 * Our arm of bench/verify-core: value → shape → hash → lookup → scopes → verdict, on a generation of a million keys with
 * two scopes each. Arguments: `memory`, or `redis` and a URL; then the number of keys.
 */
import { createHash } from 'node:crypto';
import { setInterval } from 'node:timers';
import { sha256Hash } from '#credentials/hash';
import { mintKeyValue, shapeOf } from '#credentials/key-value';
import { GenerationWriter } from '#key-lookup/generation-writer';
import { verifyMany } from '#verification/verify-many';
import { serve } from './load.mjs';
import { openLookup } from './lookup.mjs';

const [kind, url, count] = process.argv.slice(2);
const KEYS = Number(count);
/** As many are asked for, spread over all; minting a value costs more than verifying it. */
const ASKED = 50_000;
const SCOPES = ['insight:read', 'feature_flag:write'];
const PROOF_MS = 500;
const BATCH = 5_000;

const { store, reader, serverCpuUs } = await openLookup(kind, url);
await store.createGeneration('bench', { shards: 1, logId: 'bench' });
const writer = await GenerationWriter.open(store, 'bench');
const stride = Math.max(1, Math.floor(KEYS / ASKED));
const asked = [];
for (let from = 0; from < KEYS; from += BATCH) await writer.apply(batchOf(from, Math.min(KEYS, from + BATCH)));
await store.switchLive(undefined, 'bench');
let proof = 0;
const prove = () => {
  const at = writer.resumeAfter;
  return writer.apply({ after: at, upTo: at, events: [], stamp: String((proof += 1)), unproved: false });
};
setInterval(() => void prove(), PROOF_MS);
while (!(await isFresh())) await prove();

serve(
  async (nth) => {
    const value = asked[nth % asked.length];
    if (shapeOf(value) !== 'own') throw new Error('A value of ours was not known.');
    const [verdict] = await verifyMany([{ hash: sha256Hash(value), scopes: ['feature_flag:write'] }], reader);
    if (verdict?.valid !== true) throw new Error('A good key was refused.');
  },
  async () => ({ serverUs: await serverCpuUs() }),
);

function batchOf(from, to) {
  const events = [];
  for (let nth = from; nth < to; nth++)
    events.push({ position: BigInt(nth + 1), changes: [{ put: hashOf(nth), entry: entryOf(nth) }] });
  const after = from === 0 ? undefined : { commit: BigInt(from), prepare: BigInt(from) };
  return { after, upTo: { commit: BigInt(to), prepare: BigInt(to) }, events };
}

function hashOf(nth) {
  if (nth % stride !== 0) return `sha256$${digest(`hash ${nth}`).toString('hex')}`;
  const value = mintKeyValue('lkp', digest(`value ${nth}`));
  asked.push(value);
  return sha256Hash(value);
}

function entryOf(nth) {
  const hex = digest(`id ${nth}`).toString('hex');
  const keyId = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  return { userId: `user-${Math.floor(nth / 3)}`, keyId, scopes: SCOPES };
}

async function isFresh() {
  return (await reader.shards()).every(({ fresh }) => fresh);
}

function digest(text) {
  return createHash('sha256').update(text).digest();
}
