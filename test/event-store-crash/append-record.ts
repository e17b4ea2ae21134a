import { type Position } from '@eventstore/db-client';

/** One append that a writer has sent: `ids` to revisions from `firstRevision` on. */
export interface Attempt {
  readonly stream: string;
  readonly firstRevision: bigint;
  readonly ids: readonly string[];
  /** What the server answered; none while it has not answered, and for ever where it was killed first. */
  acknowledged?: { readonly revision: bigint; readonly position: Position };
}

/** An event as it is found in the log, in the log's order. */
export interface Found {
  readonly id: string;
  readonly streamId: string;
  readonly revision: bigint;
  readonly position: Position;
}

export function lastRevision({ firstRevision, ids }: Attempt): bigint {
  return firstRevision + BigInt(ids.length) - 1n;
}

/** Where the log contradicts what was sent and acknowledged, in words. None: nothing was lost, halved or made up. */
export function contradictions(attempts: readonly Attempt[], log: readonly Found[]): string[] {
  const places = new Map<string, number[]>();
  for (const [place, { id }] of log.entries()) places.set(id, [...(places.get(id) ?? []), place]);
  return [
    ...outOfOrder(log),
    ...neverSent(attempts, log),
    ...attempts.flatMap((attempt) => contradicted(attempt, log, places)),
  ];
}

function outOfOrder(log: readonly Found[]): string[] {
  const next = new Map<string, bigint>();
  return log.flatMap(({ streamId, revision, position }, place) => {
    const found: string[] = [];
    const before = log[place - 1];
    if (before && position.commit <= before.position.commit) found.push(`position ${position.commit} does not rise`);
    const expected = next.get(streamId) ?? 0n;
    if (revision !== expected) found.push(`${streamId} goes on with revision ${revision} instead of ${expected}`);
    next.set(streamId, revision + 1n);
    return found;
  });
}

function neverSent(attempts: readonly Attempt[], log: readonly Found[]): string[] {
  const sent = new Set(attempts.flatMap(({ ids }) => ids));
  return log.flatMap(({ id }) => (sent.has(id) ? [] : [`event ${id} was never sent`]));
}

function contradicted(attempt: Attempt, log: readonly Found[], places: ReadonlyMap<string, number[]>): string[] {
  const { stream, firstRevision, ids, acknowledged } = attempt;
  const name = `the append of ${ids.length} to ${stream} at ${firstRevision}`;
  const found = ids.map((id) => places.get(id) ?? []);
  if (found.some((of) => of.length > 1)) return [`${name} is there more than once`];
  const present = found.flat();
  if (present.length === 0) return acknowledged ? [`${name} was acknowledged and is gone`] : [];
  if (present.length < ids.length) return [`${name} is there by half: ${present.length} events`];
  const first = present[0]!;
  const asSent = present.every((place, index) => {
    const event = log[place]!;
    return place === first + index && event.streamId === stream && event.revision === firstRevision + BigInt(index);
  });
  if (!asSent) return [`${name} is not there as it was sent`];
  const last = log[present.at(-1)!]!;
  if (!acknowledged) return [];
  const asAcknowledged =
    acknowledged.revision === last.revision &&
    acknowledged.position.commit === last.position.commit &&
    acknowledged.position.prepare === last.position.prepare;
  return asAcknowledged ? [] : [`${name} is not where its acknowledgement said`];
}
