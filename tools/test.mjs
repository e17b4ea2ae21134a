/**
 * `npm test`: every suite through one runner. The last line is the sum over all of them, alone:
 * `N passed, N failed, N skipped`. A suite that can't load counts as one failed test. What the machine can't run is
 * skipped by name and with its reason; with CI=true a skipped test fails the run.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, requireNode, root } from './prepare.mjs';
import { tally } from './tally.mjs';

requireNode();
ensureInstalled();
ensureBuilt();

const strict = process.env.CI === 'true';
// Suites wait for their servers as much as they compute. CI has the time to leave each more of the machine.
const workers = availableParallelism() + (strict ? 1 : 2);
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
    // Suites load much and keep little: a tenth of the workers' CPU was collecting what had just been made.
    '--max-semi-space-size=64',
    // Threads of its own for that are one too many where each core has a worker already.
    '--single-threaded-gc',
    'node_modules/jest/bin/jest.js',
    '--json',
    `--outputFile=${outputFile}`,
    `--maxWorkers=${workers}`,
    ...process.argv.slice(2),
  ],
  // --json prints the whole result on stdout; people read stderr.
  { cwd: root, stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, TMPDIR: folder } },
);

const { passed, failed, skipped, leftOut } = tally(readResults(), jest.status);
rmSync(folder, { recursive: true, force: true });

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
