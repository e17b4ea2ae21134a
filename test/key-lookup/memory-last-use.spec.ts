import { describe, expect, it } from '@jest/globals';
import { MemoryLastUse } from '#key-lookup/last-use';
import { lastUseContract } from './last-use-contract.ts';

lastUseContract('last use in memory', () =>
  Promise.resolve({ lastUse: new MemoryLastUse(), close: () => Promise.resolve() }),
);

describe('last use in memory', () => {
  it('is bounded: what was written longest ago goes first', async () => {
    const lastUse = new MemoryLastUse(2);
    const [one, two, three] = ['1', '2', '3'].map((keyId) => ({ userId: 'ann', keyId })) as [Key, Key, Key];
    lastUse.note([one, two], 0);
    lastUse.note([one], 4_000_000);
    lastUse.note([three], 4_000_000);
    expect(await lastUse.read([one, two, three])).toEqual([4_000_000, undefined, 4_000_000]);
  });
});

interface Key {
  readonly userId: string;
  readonly keyId: string;
}
