import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder of the test's own. */
export function aFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `latchkey-${name}-`));
}
