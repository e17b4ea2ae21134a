import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PartitionProgress, Progress } from './partition-progress.ts';

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

  describe('after its group was joined anew', () => {
    beforeEach(() => {
      progress.take('9')();
      progress.committed(10n);
      progress.take('19')();
      progress.doubt();
    });

    it('commits nothing until the next records tell that nobody else has read on', () => {
      expect(progress.uncommitted).toBeUndefined();
      progress.compare(10n);
      expect(progress.uncommitted).toBe(20n);
    });

    it('commits again what may not have been committed', () => {
      progress.committed(20n);
      progress.doubt();
      progress.compare(20n);
      expect(progress.uncommitted).toBe(20n);
    });

    it('does not set the group back where another has read on', () => {
      progress.compare(21n);
      expect(progress.uncommitted).toBeUndefined();
      expect(progress.next).toBe(-1n);
      progress.take('21')();
      expect(progress.uncommitted).toBe(22n);
    });

    it('takes a gap between records for one when nothing is in doubt', () => {
      progress.compare(20n);
      const open = progress.take('20');
      progress.compare(30n);
      progress.take('30')();
      expect(progress.uncommitted).toBe(20n);
      open();
      expect(progress.uncommitted).toBe(31n);
    });
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

describe('the progress of all partitions', () => {
  it('does not take a commit for done that was under way when the group was joined anew', async () => {
    const progress = new Progress();
    const partition = progress.of('asked', 0);
    partition.take('9')();
    const commits: unknown[] = [];
    let tellDone: () => void = () => undefined;
    const consumer = {
      commitOffsets: (offsets: unknown) => {
        commits.push(offsets);
        return new Promise<void>((resolve) => (tellDone = resolve));
      },
    };
    const commit = progress.commit(consumer);
    progress.joined({ asked: [0] });
    tellDone();
    await commit;
    partition.compare(0n);
    void progress.commit(consumer);
    expect(commits).toEqual(Array.from({ length: 2 }, () => [{ topic: 'asked', partition: 0, offset: '10' }]));
  });

  it('leaves to another what is no longer its own', () => {
    const progress = new Progress();
    const partition = progress.of('asked', 0);
    progress.joined({ asked: [1] });
    expect(partition.isRevoked).toBe(true);
    expect(progress.of('asked', 0)).not.toBe(partition);
  });
});
