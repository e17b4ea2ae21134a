/** `npm run check`: everything that can be known about the code without running it. All of it runs; any finding fails. */
import { spawnSync } from 'node:child_process';
import { ensureInstalled, requireNode, root } from './prepare.mjs';

requireNode();
ensureInstalled();

const checks = {
  types: ['typescript/bin/tsc', '--noEmit', '-p', '.'],
  lint: ['eslint/bin/eslint.js', '.', '--max-warnings=0'],
  format: ['prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'],
  boundaries: [
    'dependency-cruiser/bin/dependency-cruise.mjs',
    'apps',
    'libs',
    'test',
    'bench',
    'deploy',
    '--config',
    '--output-type=err',
  ],
  unused: ['knip/bin/knip.js', '--no-progress'],
};

const failed = Object.entries(checks).filter(([name, [script, ...args]]) => {
  const started = Date.now();
  const { status } = spawnSync(process.execPath, [`node_modules/${script}`, ...args], { cwd: root, stdio: 'inherit' });
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  return status !== 0;
});
process.exitCode = failed.length > 0 ? 1 : 0;
