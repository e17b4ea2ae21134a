import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '#testing/eventually';
import { anyKafka, sharedKafka } from '#testing/kafka-process';
import { KafkaRelay } from '#testing/kafka-relay';
import { type KeysApi } from '#testing/keys-api';
import { redisServer } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { ServiceSet } from '#testing/service-set';

/** More than all services together have connections. */
const CUTS = 60;

/** What is mended in kafkajs must be mended in the one copy of it that each program carries. */
requires(anyKafka, redisServer)(
  'the programs of the services, where a broker ends connections amid its answers',
  () => {
    let relay: KafkaRelay;
    let set: ServiceSet;
    let ann: KeysApi;

    beforeAll(async () => {
      relay = await KafkaRelay.open((await sharedKafka()).brokers[0] ?? '');
      set = await ServiceSet.start({ settings: { KAFKA_BROKERS: relay.brokers[0] } });
      ann = await set.as('ann');
    });
    afterAll(async () => {
      await set.stop();
      await relay.close();
    });

    it('verify, create and delete again once it does so no longer', async () => {
      const { body } = await ann.create({ label: 'before', scopes: ['*'] });
      relay.cutAnswers(CUTS);
      await eventually(async () => {
        await Promise.all([ann.verify(body.value!), ann.list()]);
        return relay.cuts === CUTS;
      });
      await eventually(async () => (await ann.verify(body.value!)).status === 200);
      await eventually(async () => (await ann.list()).status === 200);
      const { position, status } = await ann.delete(body.id);
      expect(status).toBe(204);
      expect((await ann.verify(body.value!, { minPosition: position! })).status).toBe(401);
      expect(set.services().map(({ isRunning }) => isRunning)).toEqual([true, true, true, true]);
    });
  },
);
