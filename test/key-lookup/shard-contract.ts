import { beforeEach, expect, it } from '@jest/globals';
import { type LookupChange } from '#keys/project-key';
import { type Context } from './contract-context.ts';
import { at, entryOf, liveGeneration, put, remove, replace, shardWrite } from './lookup-fixtures.ts';

/** Written to shard 0 only, whatever the hash: which shard holds what is the writer's business. */
export function shardContract({ lookup, shards }: Context): void {
  const ann = entryOf('ann');
  const bob = entryOf('bob');
  const write = (expected: number | undefined, to: number, ...changes: LookupChange[]) =>
    lookup().store.writeShard('first', 0, shardWrite(expected, to, changes));
  const digest = () => lookup().store.digest('first');

  beforeEach(() => liveGeneration(lookup().store, shards));

  it('begins without checkpoint, stamp or mark', async () => {
    expect(await lookup().store.readShard('first', 0)).toEqual({
      checkpoint: undefined,
      stamp: undefined,
      retired: false,
      unproved: false,
    });
  });

  it('writes changes, checkpoint, stamp and mark in one, and keeps what is not given', async () => {
    const { store } = lookup();
    const marks = { stamp: 's', retired: true, unproved: true };
    const all = { ...shardWrite(undefined, 7, [put('k', ann)]), ...marks };
    expect(await store.writeShard('first', 0, all)).toEqual({ outcome: 'written', refused: 0 });
    await write(7, 8);
    expect(await store.readShard('first', 0)).toEqual({ checkpoint: at(8), ...marks });
    await store.writeShard('first', 0, { ...shardWrite(8, 8), retired: false });
    expect(await store.readShard('first', 0)).toEqual({ checkpoint: at(8), ...marks, retired: false });
    await store.writeShard('first', 0, { ...shardWrite(8, 8), unproved: false });
    const unmarked = { stamp: 's', retired: false, unproved: false };
    expect(await store.readShard('first', 0)).toEqual({ checkpoint: at(8), ...unmarked });
  });

  it('keeps with its checkpoint the id of the event that is there, and none where none is given', async () => {
    const { store } = lookup();
    const checkpoint = { ...at(7)!, eventId: '8ad1cc4d-6a18-4f5c-8c3e-0d9f0a0e7f11' };
    await store.writeShard('first', 0, { ...shardWrite(undefined, 7), checkpoint });
    expect((await store.readShard('first', 0))?.checkpoint).toEqual(checkpoint);
    expect(await write(6, 8)).toEqual({ outcome: 'mismatch', actual: checkpoint });
    await write(7, 8);
    expect((await store.readShard('first', 0))?.checkpoint).toEqual(at(8));
  });

  it('keeps positions beyond 2^53 exactly', async () => {
    const far = { commit: 2n ** 63n - 2n, prepare: 2n ** 63n - 3n };
    await lookup().store.writeShard('first', 0, { ...shardWrite(undefined, 0), checkpoint: far });
    expect((await lookup().store.readShard('first', 0))?.checkpoint).toEqual(far);
    expect(await write(0, 1)).toEqual({ outcome: 'mismatch', actual: far });
  });

  it('changes nothing on a mismatch, and says where it is', async () => {
    await write(undefined, 5, put('k', ann));
    const before = await digest();
    const stale = { ...shardWrite(4, 6, [put('l', bob), remove('k', ann)]), stamp: 'x', retired: true, unproved: true };
    expect(await lookup().store.writeShard('first', 0, stale)).toEqual({ outcome: 'mismatch', actual: at(5) });
    expect(await write(undefined, 6, put('l', bob))).toEqual({ outcome: 'mismatch', actual: at(5) });
    expect(await digest()).toBe(before);
    const unmarked = { stamp: undefined, retired: false, unproved: false };
    expect(await lookup().store.readShard('first', 0)).toEqual({ checkpoint: at(5), ...unmarked });
  });

  it('says so where there is no such generation or shard', async () => {
    const { store } = lookup();
    expect(await store.writeShard('none', 0, shardWrite(undefined, 1))).toEqual({ outcome: 'missing' });
    expect(await store.writeShard('first', shards, shardWrite(undefined, 1))).toEqual({ outcome: 'missing' });
  });

  it('keeps an entry for its first owner, and counts what it refuses', async () => {
    await write(undefined, 1, put('k', ann));
    const firsts = await digest();
    const attempts = [
      put('k', bob),
      put('k', entryOf('ann', 'other key')),
      replace('k', bob),
      remove('k', bob),
      remove('k', entryOf('ann', 'other key')),
    ];
    expect(await write(1, 2, ...attempts)).toEqual({ outcome: 'written', refused: attempts.length });
    expect(await digest()).toBe(firsts);
  });

  it('lets the owner put again, replace and remove', async () => {
    await write(undefined, 1, put('k', entryOf('ann', 'key', ['b:write'])));
    const wanted = await digest();
    const steps = [put('k', ann), replace('k', entryOf('ann', 'key', ['b:write']))];
    expect(await write(1, 2, ...steps)).toEqual({ outcome: 'written', refused: 0 });
    expect(await digest()).toBe(wanted);
    await write(2, 3, remove('k', ann));
    expect(await digest()).not.toBe(wanted);
    expect(await write(3, 4, put('k', bob))).toEqual({ outcome: 'written', refused: 0 });
  });

  it('never makes an entry by replacing one that is gone', async () => {
    const empty = await digest();
    expect(await write(undefined, 1, put('k', ann), put('k', bob), remove('k', ann))).toMatchObject({ refused: 1 });
    expect(await write(1, 2, replace('k', bob))).toEqual({ outcome: 'written', refused: 1 });
    expect(await digest()).toBe(empty);
  });

  it('counts the removal of what is not there', async () => {
    expect(await write(undefined, 1, remove('k', ann))).toEqual({ outcome: 'written', refused: 1 });
  });
}
