import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type LastUse, type LastUseRemoval } from '#key-lookup/last-use';

export interface LastUseUnderTest {
  readonly lastUse: LastUse & LastUseRemoval;
  readonly close: () => Promise<void>;
}

const HOUR_MS = 3_600_000;
const NOON_MS = Date.parse('2026-03-01T12:00:00Z');

/** What every implementation keeps. What is noted may take a while until it is read. */
export function lastUseContract(name: string, open: () => Promise<LastUseUnderTest>): void {
  describe(name, () => {
    let opened: LastUseUnderTest;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.close());

    const key = (keyId: string, userId = 'ann') => ({ userId, keyId });
    const note = (atMs: number, ...keyIds: string[]) => {
      opened.lastUse.note(
        keyIds.map((keyId) => key(keyId)),
        atMs,
      );
    };
    const read = (...keyIds: string[]) => opened.lastUse.read(keyIds.map((keyId) => key(keyId)));
    /** Notes are written in order: once this one is there, those before it are. */
    let fences = 0;
    const written = async () => {
      const fence = `fence-${(fences += 1)}`;
      note(NOON_MS, fence);
      while ((await read(fence))[0] === undefined) await new Promise((resolve) => setImmediate(resolve));
    };

    it('knows of no use at first, and reads nothing for nothing', async () => {
      expect(await read('one', 'two')).toEqual([undefined, undefined]);
      expect(await read()).toEqual([]);
    });

    it('answers in the order of the question, each key its own time', async () => {
      note(NOON_MS, 'one', 'two');
      note(NOON_MS + 1, 'three');
      await written();
      expect(await read('three', 'unused', 'one', 'two', 'three')).toEqual([
        NOON_MS + 1,
        undefined,
        NOON_MS,
        NOON_MS,
        NOON_MS + 1,
      ]);
    });

    it('writes a key again only when more than an hour has gone by', async () => {
      note(NOON_MS, 'one');
      await written();
      for (const laterMs of [1, HOUR_MS / 2, HOUR_MS]) note(NOON_MS + laterMs, 'one');
      await written();
      expect(await read('one')).toEqual([NOON_MS]);
      note(NOON_MS + HOUR_MS + 1, 'one');
      await written();
      expect(await read('one')).toEqual([NOON_MS + HOUR_MS + 1]);
    });

    it('takes nothing back when a clock was set back', async () => {
      note(NOON_MS, 'one');
      note(NOON_MS - 2 * HOUR_MS, 'one');
      await written();
      expect(await read('one')).toEqual([NOON_MS]);
    });

    it('keeps apart keys of one id and of different users, whatever these are called', async () => {
      const owners = [key('one', 'ann'), key('one', 'ann/one'), key('one', 'ünï 🔑'), key('one', '__proto__')];
      for (const [index, owner] of owners.entries()) opened.lastUse.note([owner], NOON_MS + index);
      await written();
      expect(await opened.lastUse.read(owners)).toEqual(owners.map((_, index) => NOON_MS + index));
    });

    it('forgets a key, also one whose use was just noted, and takes a later use as a first one', async () => {
      note(NOON_MS, 'one', 'two', 'three');
      await written();
      note(NOON_MS + 2 * HOUR_MS, 'one');
      opened.lastUse.forget([key('one'), key('two'), key('unknown')]);
      await written();
      expect(await read('one', 'two', 'three')).toEqual([undefined, undefined, NOON_MS]);
      note(NOON_MS + 1, 'two');
      await written();
      expect(await read('one', 'two')).toEqual([undefined, NOON_MS + 1]);
    });

    it('reads and forgets any number of keys', async () => {
      const keyIds = Array.from({ length: 12_000 }, (_, nth) => `key-${nth}`);
      note(NOON_MS, ...keyIds);
      await written();
      expect(new Set(await read(...keyIds))).toEqual(new Set([NOON_MS]));
      opened.lastUse.forget(keyIds.map((keyId) => key(keyId)));
      while ((await read(...keyIds)).some((time) => time !== undefined)) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    });

    it('takes the same key many times in one note', async () => {
      note(NOON_MS, ...Array<string>(512).fill('one'));
      await written();
      expect(await read('one')).toEqual([NOON_MS]);
    });
  });
}
