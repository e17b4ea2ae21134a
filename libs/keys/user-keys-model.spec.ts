import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  commandOf,
  elevenCreates,
  imports,
  LEGACY_SETS,
  oneForAll,
  ownHash,
  START,
  step,
  USERS,
} from '#testing/key-intents';
import { KeyModel, type ModelCommand } from '#testing/key-model';
import { OwnedEntries } from '#testing/owned-entries';
import { scaled } from '#testing/scale';
import { UserStreams } from '#testing/user-streams';

describe('the rules against a plain model', () => {
  it('answer every sequence of commands, retries and races as the model does', () => {
    let [refusals, silences, deepest] = [0, 0, 0];
    fc.assert(
      fc.property(imports(), fc.array(step(ownHash), { maxLength: 80, size: 'max' }), (imported, steps) => {
        const model = new KeyModel();
        const streams = new UserStreams();
        const firstPositions = new Map<string, bigint>();
        const sent: ModelCommand[] = [];
        for (const key of imported) {
          model.import(key);
          streams.import(key);
        }
        const check = (command: ModelCommand, at: string, firstSeenHash?: string) => {
          const expected = model.execute(command, at, firstSeenHash);
          const name = `${command.userId}/${command.commandId}`;
          const before = streams.log.length;
          const { position, ...reply } = streams.execute(command, at, firstSeenHash);
          expect(reply).toEqual(expected.reply);
          expect(streams.log.length > before).toBe(expected.changed);
          if (expected.changed) firstPositions.set(name, streams.log.at(-1)!.position);
          const remembered = firstPositions.get(name);
          if (reply.ok) expect(position).toBe(remembered ?? streams.lastPosition(command.userId));
          if (!reply.ok) refusals++;
          else if (!expected.changed) silences++;
        };
        steps.forEach((each, index) => {
          const at = new Date(START + Math.floor(index / 2)).toISOString();
          const command = commandOf(each, index, sent);
          sent.push(command);
          const firstSeenHash = command.do === 'rollKey' ? streams.hashOf(command.userId, command.keyId) : undefined;
          if (each.meanwhile !== undefined) check({ ...each.meanwhile, commandId: `m${index}` }, at);
          check(command, at, firstSeenHash);
          for (const userId of USERS) deepest = Math.max(deepest, streams.records(userId).length);
        });
        for (const userId of USERS) expect(streams.records(userId)).toEqual(model.records(userId));
        const lookup = OwnedEntries.of(streams.log);
        expect(lookup.sorted()).toEqual(model.living());
        for (const set of LEGACY_SETS) {
          const living = model.living().filter(({ hash }) => hash.startsWith(`${set}$`));
          expect(lookup.legacy.get(set) ?? 0).toBe(living.length);
        }
      }),
      { numRuns: scaled(1500), examples: [[[], elevenCreates()]] },
    );
    // The sequences went where they were meant to go.
    expect({ refused: refusals > 0, silent: silences > 0, deepest }).toEqual({
      refused: true,
      silent: true,
      deepest: 10,
    });
  });

  it('let nobody change what the first owner of a hash is answered', () => {
    let contested = 0;
    fc.assert(
      fc.property(fc.array(step(oneForAll), { maxLength: 60, size: 'max' }), (steps) => {
        const streams = new UserStreams();
        const sent: ModelCommand[] = [];
        steps.forEach((each, index) => {
          sent.push(commandOf(each, index, sent));
          streams.execute(sent.at(-1)!, new Date(START + index).toISOString());
        });
        const all = OwnedEntries.of(streams.log);
        for (const [hash, first] of all.firstOwners) {
          const alone = OwnedEntries.of(streams.log.filter(({ event }) => event.data.userId === first.userId));
          const entry = alone.entries.get(hash);
          if (entry !== undefined) expect(all.entries.get(hash)).toEqual(entry);
        }
        contested += all.refused;
      }),
      { numRuns: scaled(500) },
    );
    expect(contested).toBeGreaterThan(0);
  });
});
