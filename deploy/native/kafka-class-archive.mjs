/**
 * Kafka's classes as the Java that runs it here has read and checked them once, so that a broker is up in half the time.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { javaVersion, kafkaJars } from './kafka-jars.mjs';

const KAFKA_COMMAND = join(import.meta.dirname, 'kafka.mjs');

/** @returns {string[]} what Java is told to use it; nothing while there is none */
export function withClassArchive() {
  const file = archiveFile();
  return existsSync(file) ? [`-XX:SharedArchiveFile=${file}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'] : [];
}

/**
 * Makes it, if it is not there, of all that a broker needs to start and to end. Never rejects: where the cache can't be
 * written, for instance, Kafka starts without.
 */
export async function makeClassArchive() {
  const file = archiveFile();
  if (existsSync(file)) return;
  try {
    await makeAt(file);
  } catch (error) {
    process.stderr.write(
      `Kafka will start slower than it could, without an archive of its classes: ${error.message}\n`,
    );
  }
}

async function makeAt(file) {
  // Aside and moved into place, as the jars are.
  const aside = mkdtempSync(`${file}-`);
  try {
    const archive = join(aside, 'classes.jsa');
    const args = [KAFKA_COMMAND, '--data', join(aside, 'data'), '--make-class-archive', archive];
    const command = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const closed = once(command, 'close');
    await Promise.race([once(createInterface(command.stdout), 'line'), closed]);
    command.stdin.on('error', () => undefined).end();
    const [code] = await closed;
    if (code !== 0) throw new Error(`the broker that was to make it ended with ${code}`);
    renameSync(archive, file);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** Of these jars and this Java: others would leave it alone without a word. */
function archiveFile() {
  const java = createHash('sha256')
    .update(javaVersion() ?? '')
    .digest('hex')
    .slice(0, 12);
  return `${kafkaJars()}-java-${java}.jsa`;
}
