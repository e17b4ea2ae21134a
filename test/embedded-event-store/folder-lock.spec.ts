import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { FolderInUse, FolderLock } from '#embedded-event-store/folder-lock';
import { EventStoreProcess } from '#testing/event-store-process';
import { scaled } from '#testing/scale';

describe('processes that start on one folder at the same moment', () => {
  it('never share it', async () => {
    for (let round = 0; round < scaled(20); round++) {
      const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-lock-'));
      const started = Array.from({ length: 4 }, () => EventStoreProcess.launch(dataDir));
      const listening = await Promise.all(
        started.map((store) =>
          store.listens().then(
            () => true,
            () => false,
          ),
        ),
      );
      expect(listening.filter(Boolean).length).toBeLessThanOrEqual(1);
      for (const [index, store] of started.entries()) {
        if (listening[index]!) await store.kill();
        else expect(store.output).toMatch(/is in use by process/);
      }
      // Whoever held it was killed, and left nothing that a next one would trip over.
      const next = await EventStoreProcess.start(dataDir);
      expect(await next.kill('SIGTERM')).toBe(0);
      rmSync(dataDir, { recursive: true });
    }
  });
});

describe('a lock that is held', () => {
  it('outlives garbage collections, and refuses other processes and the own one', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-lock-'));
    const lock = await FolderLock.take(join(dataDir, 'events'));
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    for (let round = 0; round < 5; round++) {
      await new Promise(setImmediate);
      collectGarbage();
    }
    await expect(FolderLock.take(join(dataDir, 'events'))).rejects.toThrow(FolderInUse);
    const other = EventStoreProcess.launch(dataDir);
    expect(await Promise.race([other.ended, other.listens().then(() => other.kill())])).toBe(1);
    expect(other.output).toContain(`is in use by process ${process.pid}.`);
    await lock.release();
    rmSync(dataDir, { recursive: true });
  });
});
