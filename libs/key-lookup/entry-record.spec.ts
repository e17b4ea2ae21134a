import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SCOPE_OBJECTS } from '#contracts/scope-objects';
import { scaled } from '#testing/scale';
import { type LookupEntry, type KeyOwner } from '#keys/project-key';
import { ByteWriter } from './byte-writer.ts';
import { decodeEntry, UnreadableRecord, writeEntry, writeOwner } from './entry-record.ts';

/** Small, so that it has to grow. */
const bytes = new ByteWriter(4);

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.uuid(),
  fc.uuid().map((id) => id.toUpperCase()),
  fc.constantFrom('', '__proto__', 'ann', '0'.repeat(36), '00000000-0000-0000-0000-00000000000'),
);
const scope = fc.oneof(
  fc.constantFrom('*', ...SCOPE_OBJECTS.map((object) => `${object}:read`), ...SCOPE_OBJECTS.map((o) => `${o}:write`)),
  fc.string({ unit: 'binary', maxLength: 70 }),
);
const entry = fc.record({ userId: text, keyId: text, scopes: fc.array(scope, { maxLength: 300 }) });
const runs = { numRuns: scaled(10_000) };

describe('the record of an entry', () => {
  it('gives back what went in, whatever that is', () => {
    fc.assert(
      fc.property(entry, (one) => {
        expect(decodeEntry(encodeEntry(one).record)).toEqual(one);
      }),
      runs,
    );
  });

  it('begins with its owner’s bytes, and with nobody else’s', () => {
    fc.assert(
      fc.property(entry, entry, fc.boolean(), fc.boolean(), (one, other, sameUser, sameKey) => {
        const userId = sameUser ? one.userId : other.userId;
        const keyId = sameKey ? one.keyId : other.keyId;
        const { record, ownerBytes } = encodeEntry(one);
        expect(record.subarray(0, ownerBytes)).toEqual(encodeOwner(one));
        const owner = encodeOwner({ userId, keyId });
        const isOwners = userId === one.userId && keyId === one.keyId;
        expect(record.subarray(0, owner.length).equals(owner)).toBe(isOwners);
      }),
      runs,
    );
  });

  it('is small for UUIDs and scopes of the table', () => {
    const userId = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6';
    const scopes = ['feature_flag:read', 'insight:write'];
    expect(encodeEntry({ userId, keyId: userId, scopes }).record.length).toBeLessThanOrEqual(38);
  });

  it('stays readable: these bytes are in people’s stores', () => {
    const userId = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6';
    const stored = Buffer.from('0101f81d4fae7dec11d0a76500a0c91e6bf6036b65795301d9010006613a72656164', 'hex');
    const scopes = ['feature_flag:write', '*', 'wizard_session:write', 'a:read'];
    expect(decodeEntry(stored)).toEqual({ userId, keyId: 'key', scopes });
    expect(encodeEntry({ userId, keyId: 'key', scopes }).record.toString('hex')).toBe(stored.toString('hex'));
  });

  it('of another version, cut off or with an unknown code is not read', () => {
    const { record } = encodeEntry({ userId: 'ann', keyId: 'key', scopes: ['*', 'a:read'] });
    const cut = Array.from({ length: record.length }, (_, length) => record.subarray(0, length));
    const broken = cut.filter((piece) => {
      try {
        return decodeEntry(piece).scopes.length > 1;
      } catch (error) {
        if (!(error instanceof UnreadableRecord)) throw error;
        return false;
      }
    });
    expect(broken).toEqual([]);
    expect(() => decodeEntry(record.subarray(0, 5))).toThrow(UnreadableRecord);
    expect(() => decodeEntry(Buffer.from([2, ...record.subarray(1)]))).toThrow(UnreadableRecord);
    expect(() => decodeEntry(Buffer.from([...record.subarray(0, 10), 0xff, 0x7f]))).toThrow(UnreadableRecord);
    expect(() => decodeEntry(Buffer.alloc(0))).toThrow(UnreadableRecord);
  });
});

function encodeEntry(entry: LookupEntry): { record: Buffer; ownerBytes: number } {
  const ownerBytes = writeEntry(bytes, entry);
  return { ownerBytes, record: bytes.take() };
}

function encodeOwner({ userId, keyId }: KeyOwner): Buffer {
  writeOwner(bytes, userId, keyId);
  return bytes.take();
}
