import { type LookupChange } from '#keys/project-key';
import { encodeEntry, encodeOwner } from './entry-record.ts';
import { fieldOf } from './lookup-field.ts';
import { VERBS } from './redis-scripts.ts';

/**
 * The changes of one write in one buffer, since a script's arguments cost more than its work. For each, numbers little-endian:
 *
 *     verb (1) | length of the owner's bytes (2) | length (2), field | length (2), record
 *
 * The record of a removal is the owner's bytes alone.
 */
export function packChanges(changes: readonly LookupChange[]): Buffer {
  const pieces: Buffer[] = [];
  for (const change of changes) {
    const { verb, hash, record, ownerBytes } = pieceOf(change);
    const field = redisField(hash);
    if (record.length > 0xffff) throw new RangeError('The entry of a key is too long for the lookup.');
    const head = Buffer.allocUnsafe(5);
    head[0] = verb;
    head.writeUInt16LE(ownerBytes, 1);
    head.writeUInt16LE(field.length, 3);
    const middle = Buffer.allocUnsafe(field.length + 2);
    middle.write(field, 'latin1');
    middle.writeUInt16LE(record.length, field.length);
    pieces.push(head, middle, record);
  }
  return Buffer.concat(pieces);
}

/** The shard's own fields have short names: nothing that is that short may be the field of a hash. */
const SHORTEST_FIELD = 32;

/** In latin1. @throws RangeError for what is no hash of a key */
export function redisField(hash: string): string {
  const field = fieldOf(hash);
  if (field.length < SHORTEST_FIELD) throw new RangeError('This is not the hash of a key.');
  return field;
}

function pieceOf(change: LookupChange): { verb: number; hash: string; record: Buffer; ownerBytes: number } {
  if ('put' in change) return { verb: VERBS.put, hash: change.put, ...encodeEntry(change.entry) };
  if ('replace' in change) return { verb: VERBS.replace, hash: change.replace, ...encodeEntry(change.entry) };
  const record = encodeOwner(change.owner);
  return { verb: VERBS.remove, hash: change.remove, record, ownerBytes: record.length };
}
