import { randomBytes } from 'node:crypto';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { lastValueFrom } from 'rxjs';
import { connectKafka, RETRY } from '#kafka-rpc/kafka-connection';
import { anyKafka } from '#testing/kafka-process';
import { type KafkaRelay } from '#testing/kafka-relay';
import { KafkaRig } from '#testing/kafka-rig';
import { requires } from '#testing/requires';

@Controller()
class Service {
  @MessagePattern('ask')
  ask(@Payload() { n }: { n: number }): object {
    return { n };
  }
}

const TIMES = 5;
/** More than kafkajs asks before it calls it final, whatever its `retries` are. */
const COORDINATOR_TIMES = 12;

requires(anyKafka)('a broker that has just started and is still reading who is in which group', () => {
  let relay: KafkaRelay;
  let rig: KafkaRig;

  beforeEach(async () => {
    rig = await KafkaRig.open(['ask']);
    relay = await rig.relay();
  });
  afterEach(() => rig.close());

  /** What kafkajs' own consumer ends with, where nobody replaces it. */
  async function endOfPlainConsumer(): Promise<unknown> {
    const consumer = connectKafka({ brokers: relay.brokers }).consumer({
      groupId: `g-${randomBytes(6).toString('hex')}`,
      retry: { ...RETRY, restartOnFailure: () => Promise.resolve(false) },
    });
    const crashed = new Promise<Error>((resolve) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error));
    });
    await consumer.connect();
    await consumer.subscribe({ topic: rig.topic('ask.reply') });
    const end = await consumer.run({ eachMessage: () => Promise.resolve() }).then(
      () => crashed,
      (error: unknown) => error,
    );
    await consumer.disconnect();
    return end;
  }

  it('ends a consumer of kafkajs at once, though it may be asked again', async () => {
    relay.refuseJoins(TIMES);
    expect(await endOfPlainConsumer()).toMatchObject({ type: 'GROUP_LOAD_IN_PROGRESS', retriable: true });
    expect(relay.refusals).toBe(1);
  });

  it('keeps a client waiting for no longer than that', async () => {
    await rig.serve(Service);
    relay.refuseJoins(TIMES);
    const client = await rig.client(['ask'], { brokers: relay.brokers });
    expect(relay.refusals).toBe(TIMES);
    expect(await lastValueFrom(client.send('ask', { n: 1 }))).toEqual({ n: 1 });
  });

  it('keeps a server waiting likewise', async () => {
    relay.refuseJoins(TIMES);
    await rig.serve(Service, undefined, { brokers: relay.brokers });
    expect(relay.refusals).toBe(TIMES);
    const client = await rig.client(['ask']);
    expect(await lastValueFrom(client.send('ask', { n: 1 }))).toEqual({ n: 1 });
  });

  it('has kafkajs give up on a broker that knows no coordinator yet, as on a fault that stays', async () => {
    relay.refuseCoordinators(COORDINATOR_TIMES);
    expect(await endOfPlainConsumer()).toMatchObject({ name: 'KafkaJSGroupCoordinatorNotFound', retriable: false });
    expect(relay.refusals).toBeLessThan(COORDINATOR_TIMES);
  });

  it('keeps a server waiting for a coordinator too', async () => {
    relay.refuseCoordinators(COORDINATOR_TIMES);
    await rig.serve(Service, undefined, { brokers: relay.brokers });
    expect(relay.refusals).toBe(COORDINATOR_TIMES);
    const client = await rig.client(['ask']);
    expect(await lastValueFrom(client.send('ask', { n: 1 }))).toEqual({ n: 1 });
  });
});
