import { describe, expect, it } from '@jest/globals';
import { type KeyEvent } from '#keys/events';
import { hashNo } from '#testing/given-keys';
import { HandDrivenLookup } from '#testing/hand-driven-lookup';
import { keyCreated, keyDeleted, keyRolled, recorded, scopesChanged } from '#testing/key-events';
import { verifyMany } from '#verification/verify-many';
import { projectEvents } from './project-events.ts';

const hash = hashNo(1);
const ann = ['ann', 'a'] as const;
const bob = ['bob', 'b'] as const;

/** Two users' streams over one hash: each is in order, their events meet in the log in every way. */
const stories: [name: string, anns: KeyEvent[], bobs: KeyEvent[]][] = [
  [
    'both create, change and delete it',
    [keyCreated(ann, hash), scopesChanged(ann, hash, ['*']), keyDeleted(ann, hash)],
    [keyCreated(bob, hash), scopesChanged(bob, hash, ['b:write']), keyDeleted(bob, hash)],
  ],
  [
    'one rolls to it, one rolls away from it',
    [keyCreated(ann, hash), keyRolled(ann, hash, hashNo(2)), keyDeleted(ann, hashNo(2))],
    [
      keyCreated(bob, hashNo(3)),
      keyRolled(bob, hashNo(3), hash),
      scopesChanged(bob, hash, ['*']),
      keyDeleted(bob, hash),
    ],
  ],
];

describe.each(stories)('a hash in two streams: %s', (_, anns, bobs) => {
  it('belongs to the first in log order, whose verdict the other can’t change', async () => {
    for (const log of interleavings(anns, bobs)) {
      const lookup = await HandDrivenLookup.open();
      let holder: string | undefined;
      let before: unknown;
      for (const event of log) {
        for (const { changes } of projectEvents([recorded(event, 1)]).events) await lookup.event(...changes);
        const { valid, ...rest } = (await verifyMany([{ hash }], lookup.reader))[0]!;
        const now = valid && 'userId' in rest ? { userId: rest.userId, scopes: rest.scopes } : undefined;
        const isHolders = event.data.userId === holder;
        const brings = hashBrought(event) === hash;
        if (holder === undefined && brings) holder = event.data.userId;
        else if (!isHolders) expect(now).toEqual(before);
        else if (hashTaken(event) === hash) holder = undefined;
        expect(now === undefined ? undefined : now.userId).toBe(holder);
        before = now;
      }
    }
  });
});

function hashBrought({ type, data }: KeyEvent): string | undefined {
  if (type === 'KeyCreated') return data.hash;
  return type === 'KeyRolled' ? data.newHash : undefined;
}

function hashTaken({ type, data }: KeyEvent): string | undefined {
  if (type === 'KeyDeleted') return data.hash;
  return type === 'KeyRolled' ? data.oldHash : undefined;
}

function interleavings<T>(one: readonly T[], other: readonly T[]): T[][] {
  const [first, ...rest] = one;
  const [otherFirst, ...otherRest] = other;
  if (first === undefined) return [[...other]];
  if (otherFirst === undefined) return [[...one]];
  return [
    ...interleavings(rest, other).map((tail) => [first, ...tail]),
    ...interleavings(one, otherRest).map((tail) => [otherFirst, ...tail]),
  ];
}
