import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CompressionTypes } from 'kafkajs';
import { topicLayout } from '#contracts/topic-layout';
import { ensureTopics } from '#kafka-rpc/topics';
import { type Delivery, type ListResult } from '#runtime/delivery';
import { anyKafka } from '#testing/kafka-process';
import { KafkaRig } from '#testing/kafka-rig';
import { requires } from '#testing/requires';

const MAX_MESSAGE_BYTES = 100_000;

@Controller()
class Service {
  @MessagePattern('keys.verify', { list: true })
  verify(@Payload() list: readonly Delivery<{ readonly n: number }>[]): ListResult<object> {
    return list.map(({ request: { n } }) => ({ n }));
  }
}

requires(anyKafka)('records that come compressed', () => {
  let rig: KafkaRig;

  beforeAll(async () => {
    rig = await KafkaRig.open([]);
    const layout = topicLayout(rig.topicPrefix, { requestPartitions: 1, replyPartitions: 1 });
    const small = { 'max.message.bytes': String(MAX_MESSAGE_BYTES) };
    const own = layout.find(({ name }) => name === rig.topic('users.deleted'));
    await ensureTopics({ brokers: rig.brokers }, [
      ...layout.filter(({ name }) => name.startsWith(rig.topic('keys.verify'))),
      { name: rig.topic('small'), partitions: 1, config: { ...own?.config, ...small } },
      { name: rig.topic('as-it-comes'), partitions: 1, config: small },
    ]);
  });
  afterAll(() => rig.close());

  const gzipped = (topic: string, value: string, headers = {}) =>
    rig.producer.send({
      topic: rig.topic(topic),
      compression: CompressionTypes.GZIP,
      messages: [{ value, headers }],
    });

  it('are stored and answered like any other', async () => {
    await rig.serve(Service);
    const replies = await rig.read(rig.topic('keys.verify.reply'));
    await gzipped('keys.verify', '{"n":1}', {
      kafka_correlationId: 'id',
      kafka_replyTopic: rig.topic('keys.verify.reply'),
      kafka_replyPartition: '0',
    });
    const [reply] = await replies.until(({ length }) => length === 1);
    expect(String(reply?.value)).toEqual('{"n":1}');
  });

  it('are refused by the broker when they are too large unpacked, which it else takes', async () => {
    const inflating = 'x'.repeat(3 * MAX_MESSAGE_BYTES);
    await expect(gzipped('small', inflating)).rejects.toMatchObject({ type: 'MESSAGE_TOO_LARGE' });
    await gzipped('as-it-comes', inflating);
  });

  it('are unpacked in every topic', () => {
    for (const { config } of topicLayout('')) expect(config['compression.type']).toBe('uncompressed');
  });
});
