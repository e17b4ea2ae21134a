import { expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { anyKafka, sharedKafka } from '#testing/kafka-process';
import { aTopicPrefix, createTopics } from '#testing/kafka-topics';
import { requires } from '#testing/requires';

requires(anyKafka)('the Kafka that specs share', () => {
  it('is one broker for all who ask', async () => {
    expect(await Promise.all([sharedKafka(), sharedKafka()])).toEqual([await sharedKafka(), await sharedKafka()]);
  });

  it('has the topics that a spec makes for itself, and makes none by itself', async () => {
    const { brokers } = await sharedKafka();
    const prefix = aTopicPrefix('shared-kafka-spec');
    await createTopics(brokers, [{ topic: `${prefix}made`, numPartitions: 3 }]);
    const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [`${prefix}made`] });
    expect(topics[0]?.partitions).toHaveLength(3);
    await expect(admin.fetchTopicMetadata({ topics: [`${prefix}unmade`] })).rejects.toMatchObject({
      type: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
    await admin.disconnect();
  });
});
