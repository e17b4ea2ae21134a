import { describe, expect, it } from '@jest/globals';
import { type RecordedEvent } from '#event-store/recorded-event';
import { packChanges } from '#key-lookup/packed-changes';
import { hashNo, legacyHashNo } from '#testing/given-keys';
import { keyCreated, keyDeleted, keyRolled, recorded, scopesChanged } from '#testing/key-events';
import { projectEvents } from './project-events.ts';

const ann = ['ann', 'key'] as const;
const entry = { userId: 'ann', keyId: 'key', scopes: ['a:read'] };
const [first, second] = [hashNo(1), hashNo(2)];

describe('projectEvents', () => {
  it('takes each event’s changes with its position, in order', () => {
    const log = [
      keyCreated(ann, first),
      keyRolled(ann, first, second),
      scopesChanged(ann, second, ['*']),
      keyDeleted(ann, second),
    ];
    expect(projectEvents(log.map(recorded))).toEqual({
      skipped: [],
      deleted: [{ userId: 'ann', keyId: 'key' }],
      events: [
        { position: 0n, changes: [{ put: first, entry }] },
        {
          position: 1n,
          changes: [
            { remove: first, owner: { userId: 'ann', keyId: 'key' } },
            { put: second, entry },
          ],
        },
        { position: 2n, changes: [{ replace: second, entry: { ...entry, scopes: ['*'] } }] },
        { position: 3n, changes: [{ remove: second, owner: { userId: 'ann', keyId: 'key' } }] },
      ],
    });
  });

  it('passes over other streams, the server’s own events, and events that touch no hash', () => {
    const created = recorded(keyCreated(ann, first), 1);
    const others: RecordedEvent[] = [
      { ...created, stream: 'other-ann' },
      { ...created, stream: 'latchkey-log', type: 'LogStarted' },
      { ...created, type: '$streamDeleted' },
      recorded({ type: 'UserDeleted', data: { userId: 'ann', at: '2024-01-02T03:04:05Z' } }, 2),
    ];
    expect(projectEvents(others)).toEqual({ events: [], deleted: [], skipped: [] });
  });

  it('counts what it can’t understand, and goes on', () => {
    const created = recorded(keyCreated(ann, first), 1);
    const unknown: RecordedEvent[] = [
      { ...created, type: 'KeyPainted' },
      { ...created, data: { userId: 'ann' } },
      { ...created, data: null },
      { ...created, metadata: { schemaVersion: 99 } },
    ];
    const { events, skipped } = projectEvents([...unknown, recorded(keyDeleted(ann, first), 2)]);
    expect(skipped.map(({ type, reason }) => [type, reason])).toEqual([
      ['KeyPainted', 'type'],
      ['KeyCreated', 'data'],
      ['KeyCreated', 'data'],
      ['KeyCreated', 'version'],
    ]);
    expect(events).toHaveLength(1);
  });

  it('gives nothing that the lookup could not hold, and all that the contracts allow', () => {
    const held = (log: RecordedEvent[]) => projectEvents(log).events.map(({ changes }) => packChanges(changes).length);
    const longest = keyCreated(
      ['\u20ac'.repeat(128), 'k'.repeat(128)],
      legacyHashNo(1),
      Array<string>(256).fill('s'.repeat(64)),
    );
    const strange = ['x', `pbkdf2_sha256$1$\ud800$${'A'.repeat(44)}`, `sha256$${'a'.repeat(70_000)}`];
    expect(held([recorded(longest, 0), ...strange.map((hash, n) => recorded(keyCreated(ann, hash), n + 1))])).toEqual([
      expect.any(Number),
    ]);
    const { skipped } = projectEvents(strange.map((hash, n) => recorded(keyCreated(ann, hash), n)));
    expect(skipped.map(({ reason }) => reason)).toEqual(['data', 'data', 'data']);
  });

  it('believes no event that names another user than its stream', () => {
    const forged = { ...recorded(keyDeleted(ann, first), 1), stream: 'userKeys-bob' };
    const skipped = [{ stream: 'userKeys-bob', type: 'KeyDeleted', position: 1n, reason: 'user' }];
    expect(projectEvents([forged])).toEqual({ events: [], deleted: [], skipped });
  });
});
