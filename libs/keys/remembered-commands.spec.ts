import { describe, expect, it } from '@jest/globals';
import {
  created,
  hashNo,
  keyDeleted,
  keysCreated,
  relabelled,
  rolled,
  scopesChanged,
  stored,
  userDeleted,
} from '#testing/given-keys';
import { type KeyEvent } from './events.ts';
import { rememberedCommand } from './remembered-commands.ts';
import { evolve, noKeys, tombstonedUser, type UserKeys } from './user-keys.ts';

describe('the memory of commands', () => {
  it('knows nothing of a command that has changed nothing', () => {
    expect(rememberedCommand(noKeys(), 'c1', 'd1')).toBeUndefined();
    expect(rememberedCommand(tombstonedUser(), 'c1', 'd1')).toBeUndefined();
  });

  it('answers a repeated command with the key as that command left it, whatever came later', () => {
    const user = fold(
      ['c1', created()],
      ['c2', rolled()],
      ['c3', relabelled()],
      ['c4', keyDeleted({ hash: hashNo(2) })],
    );
    expect(rememberedCommand(user, 'c1', 'digest of c1')).toMatchObject({
      outcome: 'same',
      position: 0n,
      key: { label: 'CI', hash: hashNo(1), lastRolledAt: null },
      deletedKeys: [],
    });
    expect(rememberedCommand(user, 'c2', 'digest of c2')).toMatchObject({
      position: 1n,
      key: { label: 'CI', hash: hashNo(2) },
    });
    expect(rememberedCommand(user, 'c4', 'digest of c4')).toEqual({
      outcome: 'same',
      position: 3n,
      key: undefined,
      deletedKeys: [],
    });
  });

  it('answers a command of several events as of its last', () => {
    const user = fold(['c1', created()], ['c2', scopesChanged()], ['c2', relabelled()], ['c3', rolled()]);
    expect(rememberedCommand(user, 'c2', 'digest of c2')).toMatchObject({
      position: 2n,
      key: { label: 'Nightly CI', scopes: ['insight:write'], hash: hashNo(1) },
    });
  });

  it("answers a repeated user's deletion with the keys that went along, at its last position", () => {
    const cascade = ['key-1', 'key-2'].map((keyId): [string, KeyEvent] => ['gone', keyDeleted({ keyId })]);
    const [one, two] = keysCreated(2);
    const user = fold(['c1', one!], ['c2', two!], ['gone', userDeleted()], ...cascade);
    expect(rememberedCommand(user, 'gone', 'digest of gone')).toEqual({
      outcome: 'same',
      position: 4n,
      key: undefined,
      deletedKeys: ['key-2', 'key-1'],
    });
    expect(rememberedCommand(user, 'c2', 'digest of c2')).toMatchObject({ position: 1n, deletedKeys: [] });
  });

  it('tells an id that comes back with another payload, and keeps the first', () => {
    const user = fold(['c1', created()], ['c2', rolled()]);
    expect(rememberedCommand(user, 'c1', 'digest of c2')).toEqual({ outcome: 'different' });
    const forged = evolve(user, stored(relabelled(), { commandId: 'c1', digest: 'another', position: 2n }));
    expect(rememberedCommand(forged, 'c1', 'digest of c1')).toMatchObject({ outcome: 'same', position: 0n });
  });

  it('does not take an event without a command for a part of the deletion', () => {
    const user = [userDeleted(), keyDeleted()].map((event) => stored(event, { position: 0n })).reduce(evolve, noKeys());
    expect(user.commands.size).toBe(0);
  });
});

function fold(...history: [commandId: string, event: KeyEvent][]): UserKeys {
  return history
    .map(([commandId, event], index) =>
      stored(event, { commandId, digest: `digest of ${commandId}`, position: BigInt(index) }),
    )
    .reduce(evolve, noKeys());
}
