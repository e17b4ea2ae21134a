/**
 * What an append or a deletion expects of its stream: its last revision, or one of EventStoreDB's three words. A bigint,
 * because a refusal names the revision as it was sent, however large.
 */
export type Expected = bigint | 'any' | 'no_stream' | 'stream_exists';

/** What the rules need to know of a stream. Revisions count from 0; `last` is -1 where nothing was ever written. */
export interface StreamView {
  readonly last: number;
  readonly tombstoned: boolean;
  readonly softDeleted: boolean;
  readonly hasMetadata: boolean;
  /** The id of the event stored at a revision. Durable, so a repeated append is recognised whenever it comes. */
  readonly idAt: (revision: number) => string | undefined;
  /** The revision at which this stream got an id, as far as the bounded memory reaches. */
  readonly rememberedRevision: (id: string) => number | undefined;
}

export type AppendDecision =
  | { readonly outcome: 'write'; readonly first: number; readonly recreates: boolean }
  | { readonly outcome: 'repeated'; readonly revision: number }
  | { readonly outcome: 'wrong-version'; readonly last: number }
  | { readonly outcome: 'deleted' };

/**
 * EventStoreDB's check of an append (24.6, `IndexWriter.CheckCommit`). A repeated append is a success at the revision it
 * got first; one that repeats only a beginning, or repeats ids at other revisions, is a wrong version.
 * `ids` are those of the proposed events in order; a deletion passes one id that was never used.
 */
export function decideAppend(stream: StreamView, expected: Expected, ids: readonly string[]): AppendDecision {
  if (stream.tombstoned) return { outcome: 'deleted' };
  if (expected === 'stream_exists') {
    if (stream.softDeleted) return { outcome: 'deleted' };
    // Metadata alone make a stream exist.
    if (stream.last < 0 && !stream.hasMetadata) return wrongVersion(stream);
  }
  if (expected === 'any' || expected === 'stream_exists') return decideByMemory(stream, ids);
  const revision = expected === 'no_stream' ? -1n : expected;
  return revision > stream.last ? wrongVersion(stream) : decideByRevision(stream, Number(revision), ids);
}

function decideByMemory(stream: StreamView, ids: readonly string[]): AppendDecision {
  let revision = -1;
  for (const [index, id] of ids.entries()) {
    const remembered = stream.rememberedRevision(id);
    if (remembered === undefined) return index === 0 ? write(stream) : wrongVersion(stream);
    revision = remembered;
  }
  return ids.length === 0 ? write(stream) : { outcome: 'repeated', revision };
}

function decideByRevision(stream: StreamView, expected: number, ids: readonly string[]): AppendDecision {
  if (expected === stream.last) return write(stream);
  for (const [index, id] of ids.entries()) {
    if (stream.idAt(expected + 1 + index) === id) continue;
    // A soft-deleted stream takes a first append as if it were new, and goes on numbering.
    if (index === 0 && expected === -1 && stream.softDeleted) return write(stream);
    return wrongVersion(stream);
  }
  return ids.length === 0 ? wrongVersion(stream) : { outcome: 'repeated', revision: expected + ids.length };
}

function write(stream: StreamView): AppendDecision {
  return { outcome: 'write', first: stream.last + 1, recreates: stream.softDeleted };
}

function wrongVersion(stream: StreamView): AppendDecision {
  return { outcome: 'wrong-version', last: stream.last };
}
