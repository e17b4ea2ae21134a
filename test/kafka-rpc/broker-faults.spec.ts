import { setTimeout as delay } from 'node:timers/promises';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';
import { lastValueFrom } from 'rxjs';
import { joinVerifications } from '#contracts/join-verifications';
import { type KafkaRpcClient } from '#kafka-rpc/kafka-rpc-client';
import { type KafkaRpcServer } from '#kafka-rpc/kafka-rpc-server';
import { type Delivery, type ListResult } from '#runtime/delivery';
import { RequestRecord } from '#runtime/request-record';
import { eventually } from '#testing/eventually';
import { kafkaServer, type OwnKafka, startKafka } from '#testing/kafka-process';
import { KafkaRig } from '#testing/kafka-rig';
import { requires } from '#testing/requires';
import { restMs, scaled } from '#testing/scale';
import { ServerChild } from './server-child.ts';

interface Numbered {
  readonly n: number;
}

/** How late the end of a request may be told on a machine that is busy, beside what a test asks. */
const GRACE_MS = 5_000;
/** Of each caller after each answer: what it waits for needs the processor, too. */
const PAUSE_MS = restMs(5);
const PATTERNS = ['ask', 'joined'];

@Controller()
class Service {
  @MessagePattern('ask', { list: true })
  ask(@Payload() list: readonly Delivery<Numbered>[]): ListResult<object> {
    return list.map(({ request: { n } }) => ({ n }));
  }

  @MessagePattern('joined', { list: true })
  joined(@Payload() list: readonly Delivery<Numbered | { items: readonly Numbered[] }>[]): ListResult<object> {
    return list.map(({ request }) => ('items' in request ? { results: request.items } : { n: request.n }));
  }
}

requires(kafkaServer)('a broker that comes and goes', () => {
  let kafka: OwnKafka;
  let rig: KafkaRig;
  let server: KafkaRpcServer;
  let client: KafkaRpcClient;

  beforeAll(async () => {
    kafka = await startKafka();
  });
  afterAll(() => kafka.stop());
  beforeEach(async () => {
    rig = await KafkaRig.open(PATTERNS, { partitions: 2, brokers: kafka.brokers });
    ({ server } = await rig.serve(Service));
    client = await rig.client(PATTERNS, { joining: { joined: joinVerifications } });
  });
  afterEach(() => rig.close());

  /** Asks until told to stop, in turn alone and joined. Each outcome is right, or a fault inside its deadline. */
  const load = (timeoutMs: number) => {
    const seen = { answered: 0, failed: 0, wrong: 0, late: 0 };
    let isOver = false;
    let n = 0;
    const caller = async (pattern: string) => {
      while (!isOver) {
        const own = (n += 1);
        const deadlineMs = Date.now() + timeoutMs;
        try {
          const record = new RequestRecord({ n: own }, { deadlineMs });
          const reply = await lastValueFrom(client.send<Numbered>(pattern, record));
          if (reply.n === own) seen.answered += 1;
          else seen.wrong += 1;
        } catch {
          seen.failed += 1;
        }
        if (Date.now() > deadlineMs + GRACE_MS) seen.late += 1;
        await delay(PAUSE_MS);
      }
    };
    const callers = Array.from({ length: 16 }, (_, i) => caller(PATTERNS[i % 2]!));
    const stop = async () => {
      isOver = true;
      await Promise.all(callers);
      return seen;
    };
    return { seen, stop };
  };

  it('killed and started again under load: every caller is told something by its deadline, and it all goes on', async () => {
    const { seen, stop } = load(2_000);
    for (let round = 0; round < scaled(10); round += 1) {
      const before = seen.answered;
      await eventually(() => seen.answered > before + 100);
      await kafka.kill();
      const failures = seen.failed;
      await eventually(() => seen.failed > failures + 16);
      await kafka.restart();
    }
    const answered = seen.answered;
    await eventually(() => seen.answered > answered + 100);
    const { wrong, late } = await stop();

    expect({ wrong, late }).toEqual({ wrong: 0, late: 0 });
    expect(server.isUp()).toBe(true);
    expect(client.isUp()).toBe(true);
    await eventually(() => server.isReading() && client.isReading());
  });

  it('paused under load: the same', async () => {
    const { seen, stop } = load(2_000);
    await eventually(() => seen.answered > 100);
    await kafka.pause();
    const failures = seen.failed;
    await eventually(() => seen.failed > failures + 16);
    await kafka.resume();
    const answered = seen.answered;
    await eventually(() => seen.answered > answered + 100);
    const { wrong, late } = await stop();

    expect({ wrong, late }).toEqual({ wrong: 0, late: 0 });
  });

  it('silent for less than a request may take: nobody is told of it', async () => {
    const { seen, stop } = load(29_000);
    await eventually(() => seen.answered > 100);
    await kafka.pause();
    const impatient = new RequestRecord({ n: 0 }, { deadlineMs: Date.now() + 500 });
    await expect(lastValueFrom(client.send<Numbered>('ask', impatient))).rejects.toThrow('deadline');
    await kafka.resume();
    const answered = seen.answered;
    await eventually(() => seen.answered > answered + 100);
    const { wrong, late, failed } = await stop();

    expect({ wrong, late, failed }).toEqual({ wrong: 0, late: 0, failed: 0 });
  });

  it('is not there at the start: that fails, in time', async () => {
    const brokers = ['127.0.0.1:1'];
    await expect(rig.client(PATTERNS, { brokers })).rejects.toThrow();
    await expect(rig.serve(Service, undefined, { brokers })).rejects.toThrow();
  });

  it('a server whose consumer has ended for what does not pass is not live, until it does', async () => {
    const groupId = `other-${rig.groupId}`;
    const state = async () => (await rig.admin.describeGroups([groupId])).groups[0];
    const child = await ServerChild.start({ brokers: rig.brokers, topicPrefix: rig.topicPrefix, groupId });
    child.tell('live?');
    await child.said('is up');
    // Stopped for longer than its session lasts, it comes back to a group that it can't be a member of any more.
    process.kill(child.child.pid!, 'SIGSTOP');
    await eventually(async () => (await state())?.state === 'Empty');
    const foreign = rig.kafka.consumer({ groupId, partitionAssigners: [foreignAssigner] });
    await foreign.connect();
    await foreign.subscribe({ topics: [rig.topic('ask')] });
    await foreign.run({ eachMessage: () => Promise.resolve() });
    await eventually(async () => (await state())?.state === 'Stable');
    process.kill(child.child.pid!, 'SIGCONT');
    await child.said('is down');

    // It lives on, as a process; nothing but its liveness tells.
    expect(child.child.exitCode).toBeNull();
    const before = child.lines.length;
    await foreign.disconnect();
    await eventually(() => child.lines.slice(before).includes('is up'));
    await child.kill();
  });
});

const foreignAssigner: PartitionAssigner = () => ({
  name: 'Foreign',
  version: 0,
  protocol: ({ topics }) => ({
    name: 'Foreign',
    metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }),
  }),
  assign: ({ members }) =>
    Promise.resolve(
      members.map(({ memberId }) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: 0,
          assignment: {},
          userData: Buffer.alloc(0),
        }),
      })),
    ),
});
