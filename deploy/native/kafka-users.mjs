/**
 * Who may come in: a broker that knows everybody by name and password, and lets each do only what an ACL allows.
 *
 * Nobody chooses or passes a password: they are made with the broker's folder, and DIR/users.json (mode 0600) tells those
 * who may read it: {"NAME": "password", …}. The first of the names may do everything, and so give the others their rights.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MECHANISM = 'SCRAM-SHA-512';
/** The broker itself, towards its controller and where it asks itself. */
const NODE = 'node';
/** The least that Kafka takes; passwords of 256 random bits need no more. */
const ITERATIONS = 4096;

/**
 * @param {object} given
 * @param {string} given.dataDir
 * @param {string} given.names with commas between them; none: everybody may do everything
 * @param {boolean} given.isNew whether the folder is about to be prepared
 * @returns {{ properties: Record<string, string>, credentials: readonly string[] } | undefined} `credentials`: for Kafka’s format command
 */
export function kafkaUsers({ dataDir, names, isNew }) {
  const file = join(dataDir, 'users.json');
  const wanted = names.split(',').filter((name) => name !== '');
  const bad = wanted.find((name) => !/^[A-Za-z0-9._-]{1,64}$/.test(name) || name === NODE);
  if (bad !== undefined) throw new Error('--users takes names of A-Z a-z 0-9 . _ -, other than “node”');
  if (isNew && wanted.length > 0) writeFileSync(file, JSON.stringify(passwordsFor([...wanted, NODE])), { mode: 0o600 });
  const passwords = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  // A folder that was made for known users never opens to everybody, because an option was forgotten.
  const known = Object.keys(passwords).filter((name) => name !== NODE);
  if (known.join() !== wanted.join()) {
    const right = known.length === 0 ? 'no --users' : `--users ${known.join(',')}`;
    throw new Error(`This folder’s Kafka was made with ${right}`);
  }
  if (known.length === 0) return undefined;
  const credentials = Object.entries(passwords).map(
    ([name, password]) => `${MECHANISM}=[name=${name},iterations=${ITERATIONS},password=${password}]`,
  );
  return { properties: properties(known[0], passwords[NODE]), credentials };
}

function passwordsFor(names) {
  return Object.fromEntries(names.map((name) => [name, randomBytes(32).toString('base64url')]));
}

function properties(superUser, nodePassword) {
  const login = `required username="${NODE}" password="${nodePassword}"`;
  return {
    'listener.security.protocol.map': 'CLIENTS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT',
    'sasl.mechanism.inter.broker.protocol': MECHANISM,
    'listener.name.clients.sasl.enabled.mechanisms': MECHANISM,
    'listener.name.clients.scram-sha-512.sasl.jaas.config': `org.apache.kafka.common.security.scram.ScramLoginModule ${login};`,
    // SCRAM needs the log that the controller is there to keep.
    'sasl.mechanism.controller.protocol': 'PLAIN',
    'listener.name.controller.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.controller.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule ${login} user_${NODE}="${nodePassword}";`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': `User:${NODE};User:${superUser}`,
    'allow.everyone.if.no.acl.found': 'false',
  };
}
