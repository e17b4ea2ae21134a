import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { lastValueFrom } from 'rxjs';
import { type KafkaRpcClient } from '#kafka-rpc/kafka-rpc-client';
import { RequestRecord } from '#runtime/request-record';
import { anyKafka } from '#testing/kafka-process';
import { type KafkaRelay } from '#testing/kafka-relay';
import { KafkaRig } from '#testing/kafka-rig';
import { eventually } from '#testing/eventually';
import { requires } from '#testing/requires';

@Controller()
class Service {
  @MessagePattern('ask')
  ask(@Payload() { n }: { n: number }): object {
    return { n };
  }
}

/** Far more than either side has connections. */
const CUTS = 12;

requires(anyKafka)('a broker that ends connections in the middle of its answers', () => {
  let relay: KafkaRelay;
  let rig: KafkaRig;

  beforeEach(async () => {
    rig = await KafkaRig.open(['ask']);
    relay = await rig.relay();
  });
  afterEach(() => rig.close());

  const isAnswered = (client: KafkaRpcClient) =>
    lastValueFrom(client.send('ask', new RequestRecord({ n: 1 }, { deadlineMs: Date.now() + 500 }))).then(
      () => true,
      () => false,
    );

  it('keeps a server from nothing for longer than that', async () => {
    const { server } = await rig.serve(Service, undefined, { brokers: relay.brokers });
    const client = await rig.client(['ask']);
    expect(await isAnswered(client)).toBe(true);
    relay.cutAnswers(CUTS);
    await eventually(() => relay.cuts === CUTS);
    await eventually(() => isAnswered(client));
    expect(server.isUp()).toBe(true);
  });

  it('keeps a client from nothing likewise', async () => {
    await rig.serve(Service);
    const client = await rig.client(['ask'], { brokers: relay.brokers });
    expect(await isAnswered(client)).toBe(true);
    relay.cutAnswers(CUTS);
    await eventually(async () => {
      await isAnswered(client);
      return relay.cuts === CUTS;
    });
    await eventually(() => isAnswered(client));
    expect(client.isUp()).toBe(true);
  });
});
