import { describe, expect, it } from '@jest/globals';
import { type SkippedEvent } from './project-events.ts';
import { ProjectionRecord } from './projection-record.ts';

describe('a projection’s record', () => {
  it('counts all that was skipped, but tells of a hundred kinds at most, each once', () => {
    const told: SkippedEvent[] = [];
    const record = new ProjectionRecord({ onSkipped: (event) => told.push(event) }, () => 0);
    const skipped = Array.from({ length: 150 }, (_, n): SkippedEvent => {
      return { stream: `userKeys-${n}`, type: 'KeyPainted', position: BigInt(n), reason: 'type' };
    });
    for (const event of skipped) {
      const batch = { events: 0, refused: 0, upTo: { commit: event.position, prepare: event.position } };
      record.applied({ ...batch, skipped: [event, event] });
    }
    expect(told).toEqual(skipped.slice(0, 100));
    expect(record.status.skippedUnknown).toBe(300);
  });
});
