/**
 * Jest's beginning and end of a run. Finds out how servers can be started here, and keeps those that all specs share:
 * the first worker that asks has it started, by this process, so that it outlives the worker and not the run.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { makeClassArchive } from '../../deploy/native/kafka-class-archive.mjs';
import { kafkaIsMissing } from '../../deploy/native/kafka-jars.mjs';
import { redisIsMissing } from '../../deploy/native/redis-server.mjs';
import { containersAreMissing, KAFKA, ServerContainer } from './servers/container.mjs';

const KAFKA_COMMAND = join(import.meta.dirname, '../../deploy/native/kafka.mjs');
/**
 * For every JVM that the run starts: one compiler, and a collector without threads of its own. A Kafka is up with two
 * thirds of the processor's time, and does what it does otherwise.
 */
const SHORT_LIVED_JVM = '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC';
/** What the end of the run must end. */
const endings = [];

export async function begin() {
  process.env.JDK_JAVA_OPTIONS ??= SHORT_LIVED_JVM;
  process.env.LATCHKEY_START_KAFKA = await howToStart(kafkaIsMissing());
  process.env.LATCHKEY_START_REDIS = await howToStart(redisIsMissing());
  let kafka;
  const server = createServer((request, response) => {
    if (request.url !== '/kafka') return void response.writeHead(404).end();
    kafka ??= startKafka();
    kafka.then(
      (facts) => response.end(JSON.stringify(facts)),
      (error) => response.writeHead(500).end(error.message),
    );
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  process.env.LATCHKEY_SHARED_SERVERS = `http://127.0.0.1:${server.address().port}`;
}

export async function end() {
  await Promise.all(endings.splice(0).map((ending) => ending()));
}

/** 'native', 'container', or why neither can be. LATCHKEY_TEST_START=container prefers containers. */
async function howToStart(nativeIsMissing) {
  if (nativeIsMissing === undefined && process.env.LATCHKEY_TEST_START !== 'container') return 'native';
  const reason = await containersAreMissing();
  return reason === undefined ? 'container' : [nativeIsMissing, reason].filter(Boolean).join(', and ');
}

async function startKafka() {
  if (process.env.LATCHKEY_START_KAFKA === 'container') {
    const container = await ServerContainer.start(KAFKA);
    endings.push(() => container.stop());
    return { brokers: [`${container.host}:${container.port}`] };
  }
  await makeClassArchive();
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-shared-kafka-'));
  // Its standard input ends with this process, and so does it, however this one ends.
  const command = spawn(process.execPath, [KAFKA_COMMAND, '--data', folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(command, 'close');
  command.stdin.on('error', () => undefined);
  endings.push(async () => {
    command.stdin.end();
    await closed;
    rmSync(folder, { recursive: true, force: true });
  });
  const line = await Promise.race([once(createInterface(command.stdout), 'line'), closed]);
  if (typeof line[0] !== 'string') throw new Error('Kafka did not start; it says why above');
  return { brokers: JSON.parse(line[0]).brokers };
}
