/**
 * What the npm scripts need before they can run: the dependencies of package-lock.json, and a build of these sources.
 * Both are skipped when a stamp says that they are there already. Nothing here may import a dependency.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..');
const LOCK_STAMP = 'node_modules/.latchkey-lock';
const BUILD_STAMP = 'dist/.latchkey-build';
const BUILD_INPUTS = ['apps', 'libs', 'package.json', 'nest-cli.json', 'tsconfig.json', '.swcrc', 'tools/bundle.mjs'];

export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`Latchkey needs Node 20.19 or newer; this is ${process.versions.node}.`);
}

export function ensureInstalled() {
  const wanted = createHash('sha256').update(read('package-lock.json')).digest('hex');
  if (read(LOCK_STAMP) === wanted) return;
  note('Installing dependencies (once for each change of package-lock.json) …');
  run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(join(root, LOCK_STAMP), wanted);
}

export function ensureBuilt() {
  const wanted = fingerprint();
  if (read(BUILD_STAMP) === wanted) return;
  note('Building …');
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  run(process.execPath, ['node_modules/@nestjs/cli/bin/nest.js', 'build', '--all'], { quiet: true });
  run(process.execPath, ['tools/bundle.mjs']);
  writeFileSync(join(root, BUILD_STAMP), wanted);
}

/** Paths, sizes and times of everything that a build reads: cheap, and it sees deletions too. */
function fingerprint() {
  const hash = createHash('sha256');
  const visit = (path) => {
    const stat = statSync(join(root, path));
    if (!stat.isDirectory()) return void hash.update(`${path}\0${stat.size}\0${stat.mtimeMs}\n`);
    for (const name of readdirSync(join(root, path)).sort()) visit(`${path}/${name}`);
  };
  for (const path of BUILD_INPUTS) if (existsSync(join(root, path))) visit(path);
  return hash.digest('hex');
}

function read(path) {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return '';
  }
}

/** Progress goes to stderr: a script's stdout is its result. */
export function note(text) {
  process.stderr.write(`${text}\n`);
}

export function fail(text) {
  note(text);
  process.exit(1);
}

function run(command, args, { quiet = false } = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', quiet ? 'pipe' : 'inherit'],
    shell: process.platform === 'win32',
    encoding: 'utf8',
  });
  if (result.status === 0) return;
  note(`${result.stdout ?? ''}${result.stderr ?? ''}`);
  fail(`${command} ${args.join(' ')} failed${result.error ? `: ${result.error.message}` : ''}.`);
}
