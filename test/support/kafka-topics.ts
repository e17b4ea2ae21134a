import { randomBytes } from 'node:crypto';
import { type Admin, type ITopicConfig, Kafka, logLevel } from 'kafkajs';

/** What a spec's topics and groups begin with, so that it meets no other on a broker that they share. */
export function aTopicPrefix(name: string): string {
  return `${name}-${randomBytes(6).toString('hex')}.`;
}

/** Resolves once their partitions have leaders. */
export async function createTopics(brokers: readonly string[], topics: ITopicConfig[]): Promise<void> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    // kafkajs' own `waitForLeaders` fails where the broker does not know yet what it has just made.
    await admin.createTopics({ waitForLeaders: false, topics });
    for (const { topic } of topics) while (!(await hasLeaders(admin, topic)));
  } finally {
    await admin.disconnect();
  }
}

async function hasLeaders(admin: Admin, topic: string): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
  } catch (error) {
    if ((error as { type?: string }).type === 'UNKNOWN_TOPIC_OR_PARTITION') return false;
    throw error;
  }
}
