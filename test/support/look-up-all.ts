import { type LookupAnswer, type LookupReader } from '#key-lookup/lookup-reader';

/** All answers, those of late shards too. */
export async function lookUpAll(
  reader: Pick<LookupReader, 'lookUp'>,
  hashes: readonly string[],
): Promise<readonly LookupAnswer[]> {
  const answers = await reader.lookUp(hashes);
  return Promise.all(answers.map((answer) => Promise.resolve(answer)));
}
