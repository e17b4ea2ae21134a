/**
 * node deploy/native/kafka.mjs --data DIR [--port 0] [--heap 512m]
 *
 * A real Kafka of one node, broker and KRaft controller in one, on 127.0.0.1 alone. Prints one line of JSON once it
 * answers ({"brokers": […], "pid": …, "log": …}) and runs until SIGTERM, SIGINT or the end of a piped standard input.
 * It makes no topic that nobody created. What it says goes to DIR/kafka.log.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { kafkaIsMissing, kafkaJars } from './kafka-jars.mjs';
import { announce, fail, freePort, portNumber, startChild, superviseUntilAsked } from './supervise.mjs';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    port: { type: 'string', default: '0' },
    heap: { type: 'string', default: '512m' },
  },
});
if (values.data === undefined) fail('--data DIR is needed: the folder that holds the topics');
const missing = kafkaIsMissing();
if (missing !== undefined) fail(`Kafka can’t be started: ${missing}`);

const dataDir = resolve(values.data);
const logFile = join(dataDir, 'kafka.log');
const propertiesFile = join(dataDir, 'server.properties');
const askedPort = portNumber(values.port);
mkdirSync(dataDir, { recursive: true, mode: 0o700 });

let java;
try {
  java = javaOf(kafkaJars());
} catch (error) {
  fail(error.message);
}
for (let attempt = 1; ; attempt += 1) {
  const port = askedPort === 0 ? await freePort() : askedPort;
  writeFileSync(propertiesFile, serverProperties(port, await freePort()));
  formatOnce();
  const { child, output } = await startBroker();
  if (child !== undefined) {
    superviseUntilAsked(child);
    announce({ brokers: [`127.0.0.1:${port}`], pid: child.pid, log: logFile });
    break;
  }
  // Between finding a free port and listening there, another process may have taken it: the broker's or the controller's.
  const isTaken = /Address already in use/.test(output);
  if (isTaken && attempt < 5 && (askedPort === 0 || !output.includes(`${askedPort}`))) continue;
  fail(isTaken ? `Port ${port} is taken.` : `Kafka did not start:\n${output.trim()}`);
}

/** As small as one node can be; whatever concerns clients stays at Kafka's defaults. */
function serverProperties(port, controllerPort) {
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(dataDir, 'topics'),
    'auto.create.topics.enable': false,
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'log.cleaner.dedupe.buffer.size': 16_777_216,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${String(value).replaceAll('\\', '\\\\')}\n`)
    .join('');
}

function formatOnce() {
  if (existsSync(join(dataDir, 'topics/meta.properties'))) return;
  // Not with a dash at its beginning: that would be an option.
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', propertiesFile];
  const { status, stdout, stderr } = spawnSync('java', [...java, ...format], { encoding: 'utf8' });
  if (status !== 0) fail(`Kafka could not prepare ${dataDir}:\n${stdout}${stderr}`);
}

/** The broker once it answers; without it, what it said before it ended. */
async function startBroker() {
  const child = startChild('java', [...java, 'kafka.Kafka', propertiesFile], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const started = new Promise((isStarted) => {
    const keep = (chunk) => {
      appendFileSync(logFile, chunk);
      if (output === undefined) return;
      output += chunk.toString('utf8');
      if (/Kafka Server started/.test(output)) isStarted(true);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
  });
  const ended = once(child, 'close').then(() => false);
  const isStarted = await Promise.race([started, ended]);
  const said = output;
  output = undefined;
  return isStarted ? { child, output: said } : { child: undefined, output: said };
}

function javaOf(jars) {
  const log4j = join(import.meta.dirname, 'log4j2.xml');
  return [`-Xmx${values.heap}`, `-Dlog4j2.configurationFile=${log4j}`, '-cp', join(jars, '*')];
}
