import { Kafka, logLevel } from 'kafkajs';
import { EVENT, PATTERNS } from './wire.controller.ts';

export const REPLY_PARTITIONS = 3;
/** Exists, and is nobody's reply topic. */
export const FOREIGN_TOPIC = 'somebody.elses';

/** Resolves when the broker knows them all. */
export async function createWireTopics(brokers: readonly string[]): Promise<void> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const requests = [...PATTERNS, EVENT, FOREIGN_TOPIC].map((topic) => ({ topic, numPartitions: 1 }));
  const replies = [...PATTERNS, EVENT].map((topic) => ({ topic: `${topic}.reply`, numPartitions: REPLY_PARTITIONS }));
  const topics = [...requests, ...replies];
  await admin.createTopics({ topics, waitForLeaders: false });
  while (!(await isThere(admin, topics))) await new Promise((again) => setImmediate(again));
  await admin.disconnect();
}

async function isThere(admin: ReturnType<Kafka['admin']>, topics: readonly { topic: string }[]): Promise<boolean> {
  try {
    const metadata = await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) });
    return metadata.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
  } catch (error) {
    if ((error as { retriable?: boolean }).retriable === true) return false;
    throw error;
  }
}
