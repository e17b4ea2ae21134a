import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { aFolder } from '#testing/folders';

const root = join(import.meta.dirname, '../..');

const PASSES = `it('passes', () => undefined);`;
const FAILS = `it('fails', () => { throw new Error('as it should'); });`;
const CANNOT_LOAD = `import './nowhere.mjs';\nit('is never seen', () => undefined);`;
const LEFT_OUT = `describe.skip('on Redis [left out: needs redis-server: not installed]', () => { it('a', () => undefined); it('b', () => undefined); });`;

/** `npm test` over suites of the test's own instead of the project's. */
function run(suites: Record<string, string>, env: Record<string, string> = {}) {
  const folder = aFolder('runner');
  for (const [name, text] of Object.entries(suites)) writeFileSync(join(folder, `${name}.spec.mjs`), text);
  const config = JSON.stringify({
    rootDir: folder,
    testMatch: ['**/*.spec.mjs'],
    transform: {},
    haste: { forceNodeFilesystemAPI: true },
  });
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(JEST_|CI$)/.test(name)));
  const { stdout, status } = spawnSync(process.execPath, ['tools/test.mjs', '--config', config], {
    cwd: root,
    encoding: 'utf8',
    env: { ...inherited, ...env },
  });
  return { status, lines: stdout.trimEnd().split('\n') };
}

describe('the test runner', () => {
  it('sums up all suites in one last line', () => {
    const { status, lines } = run({ one: PASSES, other: PASSES });
    expect(lines.at(-1)).toBe('2 passed, 0 failed, 0 skipped');
    expect(status).toBe(0);
  });

  it('fails with a failed test', () => {
    const { status, lines } = run({ one: PASSES, other: FAILS });
    expect(lines.at(-1)).toBe('1 passed, 1 failed, 0 skipped');
    expect(status).toBe(1);
  });

  it('counts a suite that can’t load as one failed test', () => {
    const { status, lines } = run({ one: PASSES, other: CANNOT_LOAD });
    expect(lines.at(-1)).toBe('1 passed, 1 failed, 0 skipped');
    expect(status).toBe(1);
  });

  it('names what it left out and why, and passes without it', () => {
    const { status, lines } = run({ one: PASSES, other: LEFT_OUT });
    expect(lines).toContain('  on Redis [left out: needs redis-server: not installed] a');
    expect(lines.at(-1)).toBe('1 passed, 0 failed, 2 skipped');
    expect(status).toBe(0);
  });

  it('fails in CI when anything was left out', () => {
    const { status, lines } = run({ one: PASSES, other: LEFT_OUT }, { CI: 'true' });
    expect(lines.at(-1)).toBe('1 passed, 0 failed, 2 skipped');
    expect(status).toBe(1);
  });

  it('is not green when nothing ran', () => {
    const { status, lines } = run({ empty: '' });
    expect(lines.at(-1)).toBe('0 passed, 1 failed, 0 skipped');
    expect(status).toBe(1);
  });
});
