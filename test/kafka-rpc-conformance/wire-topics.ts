import { sharedKafka } from '#testing/kafka-process';
import { aTopicPrefix, createTopics } from '#testing/kafka-topics';
import { EVENT, PATTERNS } from './wire.controller.ts';

export const REPLY_PARTITIONS = 3;

/** Topics and groups of one suite's own, on the broker that all specs share. */
export interface WireTopics {
  readonly brokers: readonly string[];
  /** Before each topic and group. */
  readonly prefix: string;
  /** Exists, and is nobody's reply topic. */
  readonly foreignTopic: string;
}

export async function createWireTopics(): Promise<WireTopics> {
  const { brokers } = await sharedKafka();
  const prefix = aTopicPrefix('wire');
  const foreignTopic = `${prefix}somebody.elses`;
  const patterns = [...PATTERNS, EVENT].map((pattern) => prefix + pattern);
  const requests = [...patterns, foreignTopic].map((topic) => ({ topic, numPartitions: 1 }));
  const replies = patterns.map((topic) => ({ topic: `${topic}.reply`, numPartitions: REPLY_PARTITIONS }));
  await createTopics(brokers, [...requests, ...replies]);
  return { brokers, prefix, foreignTopic };
}
