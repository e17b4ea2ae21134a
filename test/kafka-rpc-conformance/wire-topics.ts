import { createTopics } from '#testing/kafka-topics';
import { EVENT, PATTERNS } from './wire.controller.ts';

export const REPLY_PARTITIONS = 3;
/** Exists, and is nobody's reply topic. */
export const FOREIGN_TOPIC = 'somebody.elses';

export async function createWireTopics(brokers: readonly string[]): Promise<void> {
  const requests = [...PATTERNS, EVENT, FOREIGN_TOPIC].map((topic) => ({ topic, numPartitions: 1 }));
  const replies = [...PATTERNS, EVENT].map((topic) => ({ topic: `${topic}.reply`, numPartitions: REPLY_PARTITIONS }));
  await createTopics(brokers, [...requests, ...replies]);
}
