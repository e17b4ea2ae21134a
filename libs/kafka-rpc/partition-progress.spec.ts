import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PartitionProgress } from './partition-progress.ts';

describe('the progress of a partition', () => {
  let progress: PartitionProgress;

  beforeEach(() => {
    progress = new PartitionProgress();
  });

  it('has nothing to commit while nothing is answered', () => {
    progress.take('9');
    expect(progress.uncommitted).toBeUndefined();
  });

  it('commits up to the first record that is not answered, whatever is answered behind it', () => {
    const first = progress.take('9');
    const second = progress.take('19');
    second();
    expect(progress.uncommitted).toBeUndefined();

    first();
    expect(progress.uncommitted).toBe(20n);
  });

  it('commits nothing twice', () => {
    progress.take('9')();
    progress.committed(10n);
    expect(progress.uncommitted).toBeUndefined();

    progress.take('10')();
    expect(progress.uncommitted).toBe(11n);
  });

  it('starts anew where the partition does', () => {
    const late = progress.take('99');
    progress.reset();
    progress.take('4')();
    expect(progress.uncommitted).toBe(5n);

    late();
    expect(progress.uncommitted).toBe(5n);
  });

  it('never passes a record that is not answered, in any order of answers', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 30 }), (order) => {
        const tried = new PartitionProgress();
        const ends = order.map((_, n) => tried.take(String(n)));
        const answered = new Set<number>();
        for (const pick of order) {
          const open = ends.map((_, n) => n).filter((n) => !answered.has(n));
          const next = open[pick % open.length]!;
          ends[next]!();
          answered.add(next);
          const firstOpen = order.findIndex((_, n) => !answered.has(n));
          const expected = firstOpen === -1 ? order.length : firstOpen;
          expect(tried.uncommitted ?? 0n).toBe(BigInt(expected));
        }
      }),
    );
  });
});
