import { describe, expect, it } from '@jest/globals';
import { contradictions, type Attempt, type Found } from './append-record.ts';

/** What the crash test concludes from, tried on records that were doctored: each fault that it is there for is seen. */
describe('the record of appends', () => {
  const attempts: readonly Attempt[] = [
    { stream: 'a', firstRevision: 0n, ids: ['a0', 'a1', 'a2'], acknowledged: { revision: 2n, position: at(2) } },
    { stream: 'b', firstRevision: 0n, ids: ['b0'], acknowledged: { revision: 0n, position: at(3) } },
    { stream: 'a', firstRevision: 3n, ids: ['a3', 'a4'] },
    { stream: 'b', firstRevision: 1n, ids: ['b1', 'b2'] },
  ];
  /** The third append was not answered but written; the fourth was neither. */
  const log: readonly Found[] = ['a0', 'a1', 'a2', 'b0', 'a3', 'a4'].map((id, place) => ({
    id,
    streamId: id[0]!,
    revision: BigInt(id[1]!),
    position: at(place),
  }));

  it('agrees with a log that lost nothing', () => {
    expect(contradictions(attempts, log)).toEqual([]);
  });

  it('agrees with a log without the appends that were not answered', () => {
    expect(contradictions(attempts, log.slice(0, 4))).toEqual([]);
  });

  it('misses an acknowledged append', () => {
    const without = log.filter(({ id }) => id !== 'b0');
    expect(contradictions(attempts, without)).toContain('the append of 1 to b at 0 was acknowledged and is gone');
  });

  it('misses an event of an acknowledged append', () => {
    const without = log.filter(({ id }) => id !== 'a2');
    expect(contradictions(attempts, without)).toContain('the append of 3 to a at 0 is there by half: 2 events');
  });

  it('sees half an append that was not answered', () => {
    expect(contradictions(attempts, log.slice(0, 5))).toEqual(['the append of 2 to a at 3 is there by half: 1 events']);
  });

  it('sees an append that took effect twice', () => {
    const again = log
      .slice(4)
      .map((event, index) => ({ ...event, revision: BigInt(5 + index), position: at(6 + index) }));
    expect(contradictions(attempts, [...log, ...again])).toEqual(['the append of 2 to a at 3 is there more than once']);
  });

  it('sees an event that nobody sent', () => {
    const stranger = { id: 'x', streamId: 'b', revision: 1n, position: at(6) };
    expect(contradictions(attempts, [...log, stranger])).toEqual(['event x was never sent']);
  });

  it('sees events in another order', () => {
    const [first, second, ...rest] = log;
    expect(contradictions(attempts, [second!, first!, ...rest])).not.toEqual([]);
  });

  it('sees another append in the midst of one', () => {
    const order = [0, 1, 3, 2, 4, 5].map((place, index) => ({ ...log[place]!, position: at(index) }));
    expect(contradictions(attempts, order)).toContain('the append of 3 to a at 0 is not there as it was sent');
  });

  it('sees an append elsewhere than it was acknowledged', () => {
    const moved = log.map((event) => ({ ...event, position: { commit: event.position.commit + 1n, prepare: 0n } }));
    expect(contradictions(attempts, moved)).toContain(
      'the append of 1 to b at 0 is not where its acknowledgement said',
    );
  });

  it('sees a position that does not rise', () => {
    const same = log.map((event, place) => (place === 5 ? { ...event, position: at(4) } : event));
    expect(contradictions(attempts, same)).toContain('position 40 does not rise');
  });

  it('sees a gap in a stream', () => {
    const gap = log.map((event) => (event.id === 'b0' ? { ...event, revision: 1n } : event));
    expect(contradictions(attempts, gap)).toContain('b goes on with revision 1 instead of 0');
  });
});

function at(place: number) {
  return { commit: BigInt(place * 10), prepare: BigInt(place * 10) };
}
