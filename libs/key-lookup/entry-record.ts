import { codeOfScope, scopeOfCode } from '#contracts/scope-codes';
import { type LookupEntry } from '#keys/project-key';
import { type ByteWriter } from './byte-writer.ts';

/**
 * How an entry is stored, in bytes:
 *
 *     version (1) | forms | userId | keyId | scopes …
 *
 *   forms   bit 0: userId is a UUID in 16 bytes; bit 1: so is keyId. Otherwise an id is its length (varint) and UTF-8
 *   scopes  up to the end: a code of libs/contracts/scope-codes.ts as a varint, or 0 and the scope as an id is
 *
 * Up to the scopes there is one form only for an owner, and none begins another's: so two records are of one owner if one
 * begins with the other's first bytes, which is what the script in Redis compares.
 */
const VERSION = 1;
const USER_IS_UUID = 1;
const KEY_IS_UUID = 2;

/** @returns how many bytes of it are the owner's */
export function writeEntry(bytes: ByteWriter, { userId, keyId, scopes }: LookupEntry): number {
  const ownerBytes = writeOwner(bytes, userId, keyId);
  for (const scope of scopes) {
    const code = codeOfScope(scope);
    bytes.varint(code ?? 0);
    if (code === undefined) bytes.text(scope);
  }
  return ownerBytes;
}

/** What each record of this owner begins with. @returns how many bytes that is */
export function writeOwner(bytes: ByteWriter, userId: string, keyId: string): number {
  const from = bytes.length;
  bytes.byte(VERSION);
  const formsAt = bytes.length;
  bytes.byte(0);
  let forms = 0;
  if (bytes.uuid(userId)) forms |= USER_IS_UUID;
  else bytes.text(userId);
  if (bytes.uuid(keyId)) forms |= KEY_IS_UUID;
  else bytes.text(keyId);
  bytes.byteAt(formsAt, forms);
  return bytes.length - from;
}

/** @throws UnreadableRecord: of a newer version, or not a record */
export function decodeEntry(record: Buffer): LookupEntry {
  if (record[0] !== VERSION) throw new UnreadableRecord();
  const forms = record[1] ?? 0;
  const cursor = { at: 2 };
  const userId = (forms & USER_IS_UUID) === 0 ? readText(record, cursor) : readUuid(record, cursor);
  const keyId = (forms & KEY_IS_UUID) === 0 ? readText(record, cursor) : readUuid(record, cursor);
  const scopes: string[] = [];
  while (cursor.at < record.length) {
    const code = readVarint(record, cursor);
    const scope = code === 0 ? readText(record, cursor) : scopeOfCode(code);
    if (scope === undefined) throw new UnreadableRecord();
    scopes.push(scope);
  }
  return { userId, keyId, scopes };
}

/** Written by a version that this one doesn't know, or damaged: a fault, which says nothing about the key. */
export class UnreadableRecord extends Error {
  override readonly name = 'UnreadableRecord';
  constructor() {
    super('A record of the lookup can’t be read by this version.');
  }
}

interface Cursor {
  at: number;
}

function readVarint(record: Buffer, cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = record[cursor.at++];
    if (byte === undefined) break;
    value |= (byte & 0x7f) << shift;
    if (byte <= 0x7f) return value;
  }
  throw new UnreadableRecord();
}

function readText(record: Buffer, cursor: Cursor): string {
  const bytes = readVarint(record, cursor);
  return record.toString('utf8', cursor.at, advance(record, cursor, bytes));
}

function readUuid(record: Buffer, cursor: Cursor): string {
  const hex = record.toString('hex', cursor.at, advance(record, cursor, 16));
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function advance(record: Buffer, cursor: Cursor, bytes: number): number {
  cursor.at += bytes;
  if (cursor.at > record.length) throw new UnreadableRecord();
  return cursor.at;
}
