import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
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
