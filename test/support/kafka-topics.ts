import { randomBytes } from 'node:crypto';
import { type ITopicConfig, Kafka, logLevel } from 'kafkajs';

/** What a spec's topics and groups begin with, so that it meets no other on a broker that they share. */
export function aTopicPrefix(name: string): string {
  return `${name}-${randomBytes(6).toString('hex')}.`;
}

/** Resolves once their partitions have leaders. */
export async function createTopics(brokers: readonly string[], topics: ITopicConfig[]): Promise<void> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await admin.createTopics({ waitForLeaders: true, topics });
  } finally {
    await admin.disconnect();
  }
}
