import { type Checkpoint, type ShardState, type ShardWrite } from './lookup-store.ts';

export interface StoredShardState extends ShardState {
  /** Parameter set → how many living keys have it; none is 0. */
  readonly legacyCounts: ReadonlyMap<string, number>;
}

/**
 * The field `state` of a shard: text, so that the script can compare positions exactly and people can read it.
 *
 *     commit prepare eventId stamp retired unproved set=count,set=count
 *
 * What is not there is empty, marks are 0 or 1, and whatever may hold a blank, comma or sign is percent-encoded.
 */
export const NEW_SHARD = '    0 0 ';

/** @throws Error: it is damaged, or a newer version's */
export function parseShardState(text: string): StoredShardState {
  const [commit, prepare, eventId, stamp, retired, unproved, legacy, ...more] = text.split(' ');
  if (legacy === undefined || more.length > 0) throw new Error('The state of a shard is unreadable.');
  const counts = legacy === '' ? [] : legacy.split(',').map((one) => one.split('='));
  return {
    checkpoint: parseCheckpoint(`${commit} ${prepare} ${eventId}`),
    stamp: stamp === '' || stamp === undefined ? undefined : decodeURIComponent(stamp),
    retired: retired === '1',
    unproved: unproved === '1',
    legacyCounts: new Map(counts.map(([set = '', count]) => [decodeURIComponent(set), Number(count)])),
  };
}

export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [commit = '', prepare = '', eventId = ''] = text.split(' ');
  if (commit === '') return undefined;
  return {
    commit: BigInt(commit),
    prepare: BigInt(prepare),
    ...(eventId !== '' && { eventId: decodeURIComponent(eventId) }),
  };
}

/** The arguments of WRITE_SHARD but the changes. */
export function writeArguments(write: ShardWrite): string[] {
  const legacy = [...write.legacy].map(([set, difference]) => `${encodeURIComponent(set)}=${difference}`);
  return [
    write.expected === undefined ? '' : String(write.expected.commit),
    checkpointText(write.checkpoint),
    encodeURIComponent(write.stamp ?? ''),
    markText(write.retired),
    markText(write.unproved),
    legacy.join(','),
  ];
}

function checkpointText(checkpoint: Checkpoint | undefined): string {
  if (checkpoint === undefined) return '  ';
  return `${checkpoint.commit} ${checkpoint.prepare} ${encodeURIComponent(checkpoint.eventId ?? '')}`;
}

function markText(mark: boolean | undefined): string {
  return mark === undefined ? '' : mark ? '1' : '0';
}
