/**
 * `npm test`: every suite through one runner. The last line is the sum over all of them, alone:
 * `N passed, N failed, N skipped`. A suite that can't load counts as one failed test. What the machine can't run is
 * skipped by name and with its reason; with CI=true a skipped test fails the run.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, requireNode, root } from './prepare.mjs';
import { tally } from './tally.mjs';

requireNode();
ensureInstalled();
ensureBuilt();

// Every folder that a test makes lies below this one, and goes with it.
const folder = mkdtempSync(join(tmpdir(), 'latchkey-test-'));
const outputFile = join(folder, 'results.json');
const jest = spawnSync(
  process.execPath,
  [
    '-C',
    'latchkey-source',
    '--disable-warning=ExperimentalWarning',
    '--experimental-vm-modules',
    'node_modules/jest/bin/jest.js',
    '--json',
    `--outputFile=${outputFile}`,
    '--maxWorkers=2',
    ...process.argv.slice(2),
  ],
  // --json prints the whole result on stdout; people read stderr.
  { cwd: root, stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, TMPDIR: folder } },
);

const { passed, failed, skipped, leftOut } = tally(readResults(), jest.status);
rmSync(folder, { recursive: true, force: true });

const strict = process.env.CI === 'true';
if (leftOut.length > 0) {
  console.log(strict ? '\nSkipped, which CI does not allow:' : '\nLeft out on this machine:');
  for (const name of leftOut) console.log(`  ${name}`);
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || passed === 0 || (strict && skipped > 0) ? 1 : 0;

function readResults() {
  try {
    return JSON.parse(readFileSync(outputFile, 'utf8'));
  } catch {
    return undefined;
  }
}
