import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import kafkajs, { type Admin, type ITopicConfig } from 'kafkajs';
import { connectKafka, type KafkaConnectionOptions } from './kafka-connection.ts';
import { KafkaRefused, KafkaUnavailable, refusalOf } from './kafka-faults.ts';
import { within } from './within.ts';

/** A topic as it should be. */
export interface TopicSpec {
  /** In full. */
  readonly name: string;
  readonly partitions: number;
  /** Kafka's own names and values (`retention.ms`). */
  readonly config: Readonly<Record<string, string>>;
}

export interface EnsuredTopic {
  readonly name: string;
  /** `differs`: it was there with fewer partitions, or with other values of what is named. */
  readonly outcome: 'made' | 'there' | 'differs';
  readonly differences: readonly string[];
}

const RETRY_MS = 500;
const LEADER_LOOK_MS = 50;
const DISCONNECT_WITHIN_MS = 3_000;

/**
 * Makes the topics that are not there. One that is there stays as it is, whatever it holds or is set to: the differences
 * are told. @param replicationFactor default: the broker's own
 */
export async function ensureTopics(
  connection: KafkaConnectionOptions,
  specs: readonly TopicSpec[],
  replicationFactor = -1,
): Promise<readonly EnsuredTopic[]> {
  return withAdmin(connection, async (admin) => {
    const before = new Set(await admin.listTopics());
    const missing = specs.filter(({ name }) => !before.has(name));
    if (missing.length > 0) {
      const topics = missing.map(({ name, partitions, config }): ITopicConfig => ({
        topic: name,
        numPartitions: partitions,
        replicationFactor,
        configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
      }));
      // Another process may make them at the same time; both find them made. kafkajs' own `waitForLeaders` fails where the
      // broker does not know yet what it has just made.
      await admin.createTopics({ topics, waitForLeaders: false });
      while (!(await haveLeaders(admin, missing))) await delay(LEADER_LOOK_MS);
    }
    return Promise.all(
      specs.map(async (spec) => {
        if (!before.has(spec.name)) return { name: spec.name, outcome: 'made' as const, differences: [] };
        const differences = await differencesOf(admin, spec);
        return { name: spec.name, outcome: differences.length === 0 ? ('there' as const) : 'differs', differences };
      }),
    );
  });
}

/**
 * Resolves once Kafka answers and has the topics, or `signal` aborts. A start waits here instead of failing.
 * @throws {KafkaRefused} what no waiting mends
 */
export async function waitForTopics(
  connection: KafkaConnectionOptions,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const logger = new Logger('Kafka');
  let told = '';
  while (!signal.aborted) {
    const problem = await withAdmin(connection, (admin) => admin.listTopics()).then(
      (there) => missingText(names.filter((name) => !there.includes(name))),
      (error: unknown) => {
        if (error instanceof KafkaRefused) throw error;
        return error instanceof Error ? error.message : 'unknown fault';
      },
    );
    if (problem === undefined) return;
    if (problem !== told) logger.warn(`Waiting: ${problem}`);
    told = problem;
    await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function haveLeaders(admin: Admin, specs: readonly TopicSpec[]): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: specs.map(({ name }) => name) });
    return topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
  } catch (error) {
    if ((error as { type?: string }).type === 'UNKNOWN_TOPIC_OR_PARTITION') return false;
    throw error;
  }
}

function missingText(missing: readonly string[]): string | undefined {
  return missing.length === 0
    ? undefined
    : `these topics are not there (\`latchkey topics\` makes them), or this identity has no right to them (\`latchkey topics --rights\`): ${missing.join(', ')}`;
}

async function differencesOf(admin: Admin, { name, partitions, config }: TopicSpec): Promise<string[]> {
  const metadata = await admin.fetchTopicMetadata({ topics: [name] });
  const there = metadata.topics[0]?.partitions.length ?? 0;
  const described = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames: Object.keys(config) }],
  });
  const values = new Map(described.resources[0]?.configEntries.map((entry) => [entry.configName, entry.configValue]));
  const differences = Object.entries(config)
    .filter(([key, wanted]) => values.get(key) !== wanted)
    .map(([key, wanted]) => `${key} is ${values.get(key) ?? 'unknown'}, not ${wanted}`);
  return there < partitions ? [`${there} partitions, not ${partitions}`, ...differences] : differences;
}

/** Connected for as long as `work` takes. @throws {KafkaRefused | KafkaUnavailable} whatever goes wrong meanwhile */
export async function withAdmin<T>(connection: KafkaConnectionOptions, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = connectKafka({ ...connection, isQuiet: true }).admin();
  try {
    await admin.connect();
    return await work(admin);
  } catch (error) {
    throw refusalOf(error) ?? new KafkaUnavailable(error);
  } finally {
    await within(DISCONNECT_WITHIN_MS, admin.disconnect());
  }
}
