/**
 * node deploy/native/kafka.mjs --data DIR [--port 0] [--heap 512m]
 *
 * A real Kafka of one node, broker and KRaft controller in one, on 127.0.0.1 alone. Prints one line of JSON once it
 * answers ({"brokers": […], "pid": …, …}) and runs until SIGTERM, SIGINT or the end of a piped standard input. It makes
 * no topic that nobody created. What it says goes to DIR/kafka.log.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kafkaIsMissing, kafkaJars } from './kafka-jars.mjs';
import { SINGLE_NODE } from './kafka-settings.mjs';
import { freePort, serve } from './serve.mjs';

await serve({
  name: 'kafka',
  missing: kafkaIsMissing,
  options: { heap: { type: 'string', default: '512m' } },
  command: async ({ dataDir, port, values }) => {
    const java = javaOf(kafkaJars(), values.heap);
    const properties = join(dataDir, 'server.properties');
    writeFileSync(properties, serverProperties({ dataDir, port, controllerPort: await freePort() }));
    if (!existsSync(join(topicsDir(dataDir), 'meta.properties'))) format(java, properties);
    return [...java, 'kafka.Kafka', properties];
  },
  ready: /Kafka Server started/,
  taken: /Address already in use/,
  facts: (port) => ({ brokers: [`127.0.0.1:${port}`] }),
});

function serverProperties({ dataDir, port, controllerPort }) {
  const properties = {
    ...SINGLE_NODE,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': topicsDir(dataDir),
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${String(value).replaceAll('\\', '\\\\')}\n`)
    .join('');
}

function topicsDir(dataDir) {
  return join(dataDir, 'topics');
}

function format(java, properties) {
  // Not with a dash at its beginning: that would be an option.
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const args = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties];
  const [command, ...flags] = java;
  const { status, stdout, stderr } = spawnSync(command, [...flags, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`Kafka could not prepare its folder:\n${stdout}${stderr}`);
}

function javaOf(jars, heap) {
  const log4j = join(import.meta.dirname, 'log4j2.xml');
  return ['java', `-Xmx${heap}`, `-Dlog4j2.configurationFile=${log4j}`, '-cp', join(jars, '*')];
}
