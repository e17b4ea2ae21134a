/** The jars of Kafka's broker: fetched once by Maven into the user's cache, which every checkout shares. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { runs } from './serve.mjs';

const POM = join(import.meta.dirname, 'pom.xml');

/**
 * @returns {string} the folder of the jars
 * @throws {Error} in a sentence for people, when they are not there and can't be fetched
 */
export function kafkaJars() {
  const folder = jarsFolder();
  if (existsSync(folder)) return folder;
  mkdirSync(join(folder, '..'), { recursive: true });
  // Fetched aside and moved into place: nobody sees half of it, and of two that fetch at once either may win.
  const aside = mkdtempSync(`${folder}-`);
  try {
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${aside}`];
    const { status, error, stdout } = spawnSync('mvn', ['-q', '-B', '-f', POM, ...goal], { encoding: 'utf8' });
    if (error !== undefined) throw new Error(`Maven (mvn), which fetches Kafka’s jars, can’t be run: ${error.message}`);
    if (status !== 0) throw new Error(`Maven could not fetch Kafka’s jars:\n${stdout.trim()}`);
    renameSync(aside, folder);
  } catch (failure) {
    if (!existsSync(folder)) throw failure;
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  return folder;
}

/** Whether a Kafka can be started here, as far as that is known without starting one: undefined, or what is missing. */
export function kafkaIsMissing() {
  if (javaVersion() === undefined) return 'no java (17 or newer) on the PATH';
  if (!existsSync(jarsFolder()) && !runs('mvn', '-version')) return 'no mvn on the PATH to fetch Kafka’s jars with';
  return undefined;
}

let version;

/** What Java says of itself; undefined where there is none. Asked once. */
export function javaVersion() {
  if (version === undefined) {
    const { status, stderr } = spawnSync('java', ['-version'], { encoding: 'utf8' });
    // It also says which options it has picked up.
    version = { said: status === 0 ? stderr.replaceAll(/^NOTE:.*$/gm, '').trim() : undefined };
  }
  return version.said;
}

/** Named by what it is made from, so that another version never meets these. */
function jarsFolder() {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const version = createHash('sha256').update(readFileSync(POM)).digest('hex').slice(0, 12);
  return join(cache, 'latchkey', `kafka-${version}`);
}
