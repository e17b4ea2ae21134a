import { type LookupChange } from '#keys/project-key';
import { ByteWriter } from './byte-writer.ts';
import { writeEntry, writeOwner } from './entry-record.ts';
import { fieldOf, fieldsOf } from './lookup-field.ts';
import { VERBS } from './redis-scripts.ts';

/** One for all, since nothing here waits. */
const bytes = new ByteWriter(64 * 1024);

/**
 * The changes of one write in one buffer, since a script's arguments cost more than its work. For each, numbers little-endian:
 *
 *     verb (1) | length of the owner's bytes (2) | length (2), field | length (2), record
 *
 * The record of a removal is the owner's bytes alone.
 *
 * @throws RangeError for what is no hash of a key, and for an entry beyond 64 KiB
 */
export function packChanges(changes: readonly LookupChange[]): Buffer {
  bytes.length = 0;
  for (const change of changes) {
    if ('put' in change) pack(VERBS.put, change.put, () => writeEntry(bytes, change.entry));
    else if ('replace' in change) pack(VERBS.replace, change.replace, () => writeEntry(bytes, change.entry));
    else pack(VERBS.remove, change.remove, () => writeOwner(bytes, change.owner.userId, change.owner.keyId));
  }
  return bytes.take();
}

/** @param writeRecord returns how many bytes of the record are the owner's */
function pack(verb: number, hash: string, writeRecord: () => number): void {
  const field = redisField(hash);
  bytes.byte(verb);
  const ownerBytesAt = bytes.length;
  bytes.uint16(0);
  bytes.uint16(field.length);
  bytes.latin1(field);
  const recordBytesAt = bytes.length;
  bytes.uint16(0);
  const ownerBytes = writeRecord();
  const recordBytes = bytes.length - recordBytesAt - 2;
  if (recordBytes > 0xffff) throw new RangeError('The entry of a key is too long for the lookup.');
  bytes.uint16At(ownerBytesAt, ownerBytes);
  bytes.uint16At(recordBytesAt, recordBytes);
}

/** The shard's own fields have short names: nothing that is that short may be the field of a hash. */
const SHORTEST_FIELD = 32;

/** In latin1. @throws RangeError for what is no hash of a key */
function redisField(hash: string): string {
  return longEnough(fieldOf(hash));
}

/** The same of many. */
export function redisFields(hashes: readonly string[]): string[] {
  return fieldsOf(hashes).map(longEnough);
}

function longEnough(field: string): string {
  if (field.length < SHORTEST_FIELD) throw new RangeError('This is not the hash of a key.');
  return field;
}
