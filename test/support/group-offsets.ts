import { type Kafka } from 'kafkajs';

export interface GroupOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

/**
 * Commits offsets for a group that has no members. kafkajs' own `setOffsets` and `resetOffsets` read for five seconds
 * first, for each topic anew.
 */
export async function setGroupOffsets(kafka: Kafka, groupId: string, offsets: readonly GroupOffset[]): Promise<void> {
  const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 50 });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [...new Set(offsets.map(({ topic }) => topic))] });
    await consumer.run({ autoCommit: false, eachBatch: () => Promise.resolve() });
    await joined;
    await consumer.commitOffsets([...offsets]);
  } finally {
    await consumer.disconnect();
  }
}
