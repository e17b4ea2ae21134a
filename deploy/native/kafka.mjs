/**
 * node deploy/native/kafka.mjs --data DIR [--port 0] [--heap 512m] [--users NAME,NAME…] [--pem FILE]
 *
 * A real Kafka of one node, broker and KRaft controller in one, on 127.0.0.1 alone. Prints one line of JSON once it
 * answers ({"brokers": […], "pid": …, …}) and runs until SIGTERM, SIGINT or the end of a piped standard input. It makes
 * no topic that nobody created. What it says goes to DIR/kafka.log.
 *
 * With --users it lets in nobody else (kafka-users.mjs). With --pem, too, its listener is TLS: FILE holds its key and its
 * certificate.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { withClassArchive } from './kafka-class-archive.mjs';
import { kafkaIsMissing, kafkaJars } from './kafka-jars.mjs';
import { SINGLE_NODE } from './kafka-settings.mjs';
import { kafkaUsers } from './kafka-users.mjs';
import { freePort, serve } from './serve.mjs';

await serve({
  name: 'kafka',
  missing: kafkaIsMissing,
  options: {
    heap: { type: 'string', default: '512m' },
    users: { type: 'string', default: '' },
    pem: { type: 'string', default: '' },
    // For kafka-class-archive.mjs alone.
    'make-class-archive': { type: 'string', default: '' },
  },
  command: async ({ dataDir, port, values }) => {
    const java = javaOf(kafkaJars(), values.heap);
    const properties = join(dataDir, 'server.properties');
    const isNew = !existsSync(join(topicsDir(dataDir), 'meta.properties'));
    const users = kafkaUsers({ dataDir, names: values.users, isNew });
    if (values.pem !== '' && users === undefined) throw new Error('--pem goes with --users');
    const settings = serverProperties({ dataDir, port, controllerPort: await freePort(), users, pem: values.pem });
    // It holds passwords.
    writeFileSync(properties, settings, { mode: 0o600 });
    if (isNew) format(java, properties, dataDir, users?.credentials ?? []);
    const archive = values['make-class-archive'];
    const [command, ...flags] = java;
    return [
      command,
      ...(archive === '' ? [] : [`-XX:ArchiveClassesAtExit=${archive}`]),
      ...flags,
      'kafka.Kafka',
      properties,
    ];
  },
  ready: /Kafka Server started/,
  taken: /Address already in use/,
  facts: (port) => ({ brokers: [`127.0.0.1:${port}`] }),
});

function serverProperties({ dataDir, port, controllerPort, users, pem }) {
  const properties = {
    ...SINGLE_NODE,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `CLIENTS://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `CLIENTS://127.0.0.1:${port}`,
    'inter.broker.listener.name': 'CLIENTS',
    'listener.security.protocol.map': 'CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': topicsDir(dataDir),
    ...users?.properties,
    ...(pem === '' ? {} : tls(pem)),
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${String(value).replaceAll('\\', '\\\\')}\n`)
    .join('');
}

function tls(pem) {
  return {
    'listener.security.protocol.map': 'CLIENTS:SASL_SSL,CONTROLLER:SASL_PLAINTEXT',
    'listener.name.clients.ssl.keystore.type': 'PEM',
    'listener.name.clients.ssl.keystore.location': resolve(pem),
    // The node is a client of its own, too.
    'listener.name.clients.ssl.truststore.type': 'PEM',
    'listener.name.clients.ssl.truststore.location': resolve(pem),
  };
}

function topicsDir(dataDir) {
  return join(dataDir, 'topics');
}

function format(java, properties, dataDir, credentials) {
  // Not with a dash at its beginning: that would be an option.
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const args = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties];
  // In a file: what stands on a command line, every local user can read.
  const secret = join(dataDir, 'format.arguments');
  if (credentials.length > 0) {
    const lines = credentials.flatMap((credential) => ['--add-scram', credential]);
    writeFileSync(secret, `${lines.join('\n')}\n`, { mode: 0o600 });
    args.push(`@${secret}`);
  }
  const [command, ...flags] = java;
  const { status, stdout, stderr } = spawnSync(command, [...flags, ...args], { encoding: 'utf8' });
  rmSync(secret, { force: true });
  if (status !== 0) throw new Error(`Kafka could not prepare its folder:\n${stdout}${stderr}`);
}

function javaOf(jars, heap) {
  const log4j = join(import.meta.dirname, 'log4j2.xml');
  return ['java', ...withClassArchive(), `-Xmx${heap}`, `-Dlog4j2.configurationFile=${log4j}`, '-cp', join(jars, '*')];
}
