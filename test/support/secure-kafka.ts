import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import kafkajs, { type AclEntry } from 'kafkajs';
import { type KafkaConnectionOptions } from '#kafka-rpc/kafka-connection';
import { withAdmin } from '#kafka-rpc/topics';
import { aFolder } from './folders.ts';
import { type OwnKafka } from './kafka-process.ts';
import { type Requirement } from './requires.ts';
import { howToStart, missing } from './servers/how-to-start.ts';
import { NativeServer } from './servers/native-server.ts';

export const secureKafkaServer: Requirement = {
  name: 'Kafka with users of its own',
  missing: () => missing('KAFKA') ?? (howToStart('KAFKA') === 'native' ? undefined : 'a container has no users'),
};

const ADMIN = 'admin';

export interface SecureKafkaOptions {
  readonly users: readonly string[];
  /** A file with the key and the certificate of its listener, which is TLS then. */
  readonly pem?: string;
}

/** A broker of the test's own that lets in whom it knows, for what an ACL allows. */
export class SecureKafka {
  private constructor(
    private readonly server: NativeServer,
    private readonly passwords: Readonly<Record<string, string>>,
    private readonly tls: Readonly<Record<string, string>>,
  ) {}

  static async start({ users, pem }: SecureKafkaOptions): Promise<SecureKafka> {
    const folder = aFolder('secure-kafka');
    const more = ['--users', [ADMIN, ...users].join(','), ...(pem === undefined ? [] : ['--pem', pem])];
    const server = await NativeServer.start('kafka.mjs', folder, 0, more);
    const passwords = JSON.parse(readFileSync(join(folder, 'users.json'), 'utf8')) as Record<string, string>;
    return new SecureKafka(server, passwords, pem === undefined ? {} : { KAFKA_TLS: pem });
  }

  get brokers(): readonly [string] {
    return [`${this.server.host}:${this.server.port}`];
  }

  get dataDir(): string {
    return this.server.dataDir;
  }

  asOwn(): OwnKafka {
    return Object.assign(this.server, { brokers: this.brokers });
  }

  password(user: string): string {
    const password = this.passwords[user];
    if (password === undefined) throw new Error(`This broker knows no ${user}`);
    return password;
  }

  /** What a service reads that is to be this user. */
  settings(user: string): Record<string, string> {
    const identity = { KAFKA_SASL_USERNAME: user, KAFKA_SASL_PASSWORD: this.password(user) };
    return { KAFKA_BROKERS: this.brokers.join(), ...this.tls, ...identity };
  }

  connection(user: string): KafkaConnectionOptions {
    const sasl = { mechanism: 'scram-sha-512', username: user, password: this.password(user) } as const;
    return { brokers: this.brokers, sasl };
  }

  /** The one who may do everything. */
  get admin(): KafkaConnectionOptions {
    return this.connection(ADMIN);
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  /** Gives the rights that `latchkey topics --rights` has printed, as kafka-acls.sh would. */
  async allow(printed: string): Promise<void> {
    const acl = printed.trim().split('\n').flatMap(aclEntries);
    await withAdmin(this.admin, (admin) => admin.createAcls({ acl }));
  }
}

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const OPERATIONS: Readonly<Record<string, AclEntry['operation']>> = {
  Create: AclOperationTypes.CREATE,
  Describe: AclOperationTypes.DESCRIBE,
  DescribeConfigs: AclOperationTypes.DESCRIBE_CONFIGS,
  Read: AclOperationTypes.READ,
  Write: AclOperationTypes.WRITE,
};
const PATTERNS: Readonly<Record<string, AclEntry['resourcePatternType']>> = {
  literal: ResourcePatternTypes.LITERAL,
  prefixed: ResourcePatternTypes.PREFIXED,
};

/** Throws at whatever it does not know: a right that is not understood is not given. */
function aclEntries(line: string): AclEntry[] {
  const shape =
    /^--add --allow-principal (User:\S+) --operation (\w+) --resource-pattern-type (\w+)((?: --(?:topic|group) \S+)+)$/;
  const [, principal = '', operation = '', pattern = '', names = ''] = shape.exec(line) ?? [];
  const [operationCode, patternCode] = [OPERATIONS[operation], PATTERNS[pattern]];
  if (operationCode === undefined || patternCode === undefined) throw new Error(`Not understood: ${line}`);
  return [...names.matchAll(/--(topic|group) (\S+)/g)].map(([, resource, resourceName = '']) => ({
    principal,
    host: '*',
    operation: operationCode,
    permissionType: AclPermissionTypes.ALLOW,
    resourceType: resource === 'topic' ? AclResourceTypes.TOPIC : AclResourceTypes.GROUP,
    resourceName,
    resourcePatternType: patternCode,
  }));
}
