import { Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { type LayoutOptions, topicLayout } from '#contracts/topic-layout';
import { type Right, topicRights } from '#contracts/topic-rights';
import { kafkaConnection, kafkaFields, kafkaRules } from '#kafka-rpc/settings';
import { REPLY_GROUPS } from '#kafka-rpc/reply-consumer';
import { type EnsuredTopic, ensureTopics } from '#kafka-rpc/topics';
import { loadSettings } from '#runtime/settings';

interface Flags extends LayoutOptions {
  readonly replicationFactor?: number;
  readonly json?: true;
  readonly rights?: true;
}

/** `latchkey topics`: docs/topics.md says which there are and why they are so. */
export function topicsCommand(): Command {
  return new Command('topics')
    .summary('make the topics that the services need')
    .description(
      'Makes the topics that are not there, on the brokers of KAFKA_BROKERS. Those that are there stay as they are; where they differ from what they should be, it says so.',
    )
    .option('--request-partitions <count>', 'how many replicas of a service can share a topic (8)', count)
    .option('--reply-partitions <count>', 'how many callers have one of their own (32)', count)
    .option('--replication-factor <count>', 'default: the broker’s own', count)
    .option('--json', 'one JSON object per topic on standard output')
    .option('--rights', 'make nothing: print the arguments with which kafka-acls.sh gives each service its rights')
    .addHelpText('after', '\nEnds with 0: all are as they should be; 1: some differ; 2: it could not run.')
    .action(async ({ json, rights, replicationFactor, ...layout }: Flags) => {
      if (rights) {
        printRights();
        return;
      }
      const settings = loadSettings(z.object(kafkaFields).check(kafkaRules), process.env);
      const layouts = topicLayout(settings.TOPIC_PREFIX, layout);
      const topics = await ensureTopics(kafkaConnection(settings, 'topics'), layouts, replicationFactor);
      for (const topic of topics) process.stdout.write(`${json ? JSON.stringify(topic) : lineOf(topic)}\n`);
      process.exitCode = topics.some(({ outcome }) => outcome === 'differs') ? 1 : 0;
    });
}

/** A line for each right. No broker is asked: whoever needs these is not let in yet. */
function printRights(): void {
  const { TOPIC_PREFIX: prefix } = loadSettings(z.object({ TOPIC_PREFIX: kafkaFields.TOPIC_PREFIX }), process.env);
  for (const { principal, rights } of topicRights(prefix, REPLY_GROUPS)) {
    for (const right of rights) process.stdout.write(`${argumentsOf(principal, right)}\n`);
  }
}

function argumentsOf(principal: string, { operation, resource, names, pattern }: Right): string {
  const of = names.map((name) => `--${resource} ${name}`).join(' ');
  return `--add --allow-principal User:${principal} --operation ${operation} --resource-pattern-type ${pattern} ${of}`;
}

const WORDS = { made: 'made', there: 'there already', differs: 'differs' } as const;

function lineOf({ name, outcome, differences }: EnsuredTopic): string {
  return [`${name}: ${WORDS[outcome]}`, ...differences].join('; ');
}

function count(text: string): number {
  const value = Number(text);
  if (!/^\d{1,4}$/.test(text) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1 to 9999.');
  return value;
}
