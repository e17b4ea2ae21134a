import { Controller } from '@nestjs/common';
import { Ctx, KafkaContext, MessagePattern, Payload } from '@nestjs/microservices';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Consumer, type IHeaders, type Kafka, type KafkaMessage } from 'kafkajs';
import { z } from 'zod';
import { type KafkaRpcServer } from '#kafka-rpc/kafka-rpc-server';
import { type Delivery, type ListResult, MAX_DEADLINE_MS } from '#runtime/delivery';
import { type MessageContract } from '#runtime/list-dispatch';
import { eventually } from '#testing/eventually';
import { aGate } from '#testing/gate';
import { anyKafka } from '#testing/kafka-process';
import { KafkaRig } from '#testing/kafka-rig';
import { requires } from '#testing/requires';
import { type TopicReader } from '#testing/topic-reader';

interface Numbered {
  readonly n: number;
}

const PATTERNS = ['list', 'parked', 'single', 'hangs'];
const contract: MessageContract = {
  requestSchema: (topic) => (topic === 'list' ? z.object({ n: z.number() }) : undefined),
  refuse: () => ({ ok: false, code: 'INVALID_REQUEST' }),
};

let lists: (readonly Delivery<Numbered>[])[];
let singles: unknown[];
/** By the number of its request: lets the test settle what the handler has parked. */
let parked: Map<number, (reply: object) => void>;
let onNews: () => void;
let context: KafkaContext | undefined;

@Controller()
class Service {
  @MessagePattern('list', { list: true })
  list(@Payload() list: readonly Delivery<Numbered>[]): ListResult<object> {
    lists.push(list);
    return list.map(({ request }) => ({ n: request.n }));
  }

  @MessagePattern('parked', { list: true })
  parked(@Payload() list: readonly Delivery<Numbered>[]): ListResult<object> {
    lists.push(list);
    return list.map(({ request: { n } }) => {
      if (n >= 0) return { n };
      return new Promise<object>((resolve) => {
        parked.set(n, resolve);
        onNews();
      });
    });
  }

  @MessagePattern('single')
  single(@Payload() payload: unknown, @Ctx() ctx: KafkaContext): unknown {
    singles.push(payload);
    context = ctx;
    return { got: payload };
  }

  @MessagePattern('hangs')
  hangs(@Payload() { n }: Numbered): unknown {
    singles.push(n);
    return n < 0 ? new Promise(() => undefined) : { n };
  }
}

requires(anyKafka)('the server, as the wire sees it', () => {
  let rig: KafkaRig;
  let server: KafkaRpcServer;
  let replies: TopicReader;

  beforeEach(async () => {
    lists = [];
    singles = [];
    parked = new Map();
    onNews = () => undefined;
    rig = await KafkaRig.open(PATTERNS);
    ({ server } = await rig.serve(Service, contract, { maxOpen: 8, drainMs: 200 }));
  });
  afterEach(() => rig.close());

  /** Written in one produce request, so fetched in one batch. */
  const write = (pattern: string, requests: readonly { value?: unknown; headers?: IHeaders }[]) =>
    rig.producer.send({
      topic: rig.topic(pattern),
      messages: requests.map(({ value = { n: 0 }, headers = {} }) => ({
        value: value === null || typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value),
        partition: 0,
        headers,
      })),
    });

  const address = (pattern: string, id: string): IHeaders => ({
    kafka_correlationId: id,
    kafka_replyTopic: `${rig.topic(pattern)}.reply`,
    kafka_replyPartition: '0',
  });

  /** Resolves when all that was written before has been fetched. */
  const fetched = async () => {
    const [, consumer] = server.unwrap<[Kafka, Consumer]>();
    for (const _ of [1, 2, 3]) await new Promise((resolve) => consumer.on(consumer.events.FETCH, resolve));
  };

  const repliesTo = async (pattern: string) => (replies = await rig.read(`${rig.topic(pattern)}.reply`));

  const idOf = ({ headers }: KafkaMessage) => String(headers?.['kafka_correlationId']);
  const answered = (...ids: string[]) =>
    replies.until((messages) => ids.every((id) => messages.some((message) => idOf(message) === id)));

  it('hands a fetched batch over as one list and writes all of its replies as one', async () => {
    await repliesTo('list');
    await write(
      'list',
      Array.from({ length: 300 }, (_, n) => ({ value: { n }, headers: address('list', `id${n}`) })),
    );
    const messages = await replies.until(({ length }) => length === 300);

    expect(lists.map(({ length }) => length)).toEqual([300]);
    expect(messages.map(({ value }) => JSON.parse(String(value)) as Numbered)).toEqual(
      Array.from({ length: 300 }, (_, n) => ({ n })),
    );
    const batches = messages.map(
      (message) => (message as unknown as { batchContext: { firstOffset: string } }).batchContext,
    );
    expect(new Set(batches.map(({ firstOffset }) => firstOffset)).size).toBe(1);
  });

  it('answers what is no request, and goes on', async () => {
    await repliesTo('list');
    await write('list', [
      { value: '{"n":', headers: address('list', 'cut') },
      { value: null, headers: address('list', 'null') },
      { value: Buffer.from([0, 1, 2]), headers: address('list', 'binary') },
      { value: '['.repeat(20_000), headers: address('list', 'deep') },
      { value: '{"__proto__":{"n":1}}', headers: address('list', 'proto') },
      { value: { n: 1 }, headers: address('list', 'good') },
    ]);
    const messages = await answered('cut', 'null', 'binary', 'deep', 'proto', 'good');

    const refusals = messages.filter(({ value }) => String(value).includes('INVALID_REQUEST')).map(idOf);
    expect(refusals.sort()).toEqual(['binary', 'cut', 'deep', 'null', 'proto']);
  });

  it('passes over requests whose reply has no address that is allowed, and does not carry them out', async () => {
    await rig.create([{ topic: rig.topic('elsewhere'), numPartitions: 1 }]);
    const elsewhere = await rig.read(rig.topic('elsewhere'));
    await repliesTo('single');
    const good = address('single', 'hostile');
    await write('single', [
      { headers: { ...good, kafka_replyTopic: rig.topic('elsewhere') } },
      { headers: { ...good, kafka_replyTopic: `${rig.topic('single')}.reply.reply` } },
      { headers: { ...good, kafka_replyTopic: '{"x":1}' } },
      { headers: { ...good, kafka_replyTopic: '__consumer_offsets' } },
      { headers: { ...good, kafka_replyPartition: 'zz' } },
      { headers: { ...good, kafka_replyPartition: '-1' } },
      { headers: { ...good, kafka_replyPartition: '1.5' } },
      { headers: { ...good, kafka_replyPartition: '2' } },
      { headers: { ...good, kafka_replyPartition: '99999999999999999999' } },
      { headers: { ...good, kafka_replyPartition: '' } },
      { headers: { ...good, kafka_correlationId: ['a', 'b'] } },
      { headers: { ...good, kafka_correlationId: 'x'.repeat(300) } },
      { value: { n: 7 }, headers: address('single', 'good') },
    ]);
    await answered('good');

    expect(singles).toEqual([{ n: 7 }]);
    expect(server.counts.unanswerable).toBe(12);
    expect(replies.messages.map(idOf)).toEqual(['good']);
    expect(elsewhere.messages).toEqual([]);
  });

  it('echoes a correlation id byte by byte, whatever it is', async () => {
    await repliesTo('single');
    await write('single', [
      { headers: address('single', '{"x":1}') },
      { headers: { ...address('single', ''), kafka_correlationId: Buffer.from([0, 255, 13, 10]) } },
    ]);
    const messages = await replies.until(({ length }) => length === 2);

    expect(messages.map(({ headers }) => headers?.['kafka_correlationId'])).toEqual([
      Buffer.from('{"x":1}'),
      Buffer.from([0, 255, 13, 10]),
    ]);
  });

  it('finds a reply partition that the topic got later', async () => {
    const topic = `${rig.topic('single')}.reply`;
    await rig.admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
    await repliesTo('single');
    // It looks again at most every few seconds.
    await eventually(async () => {
      const before = server.counts.unanswerable;
      await write('single', [{ headers: { ...address('single', 'new'), kafka_replyPartition: '2' } }]);
      await eventually(() => server.counts.unanswerable > before || singles.length > 0);
      return singles.length > 0;
    });
    const messages = await answered('new');

    expect(messages[0]?.partition).toBe(2);
  });

  it('drops and counts what is past its deadline, and starts nothing for it', async () => {
    await repliesTo('single');
    const late = String(Date.now() - 1);
    await write('single', [
      { value: { n: 1 }, headers: { ...address('single', 'late'), latchkey_deadline: late } },
      { value: { n: 2 }, headers: { ...address('single', 'good'), latchkey_deadline: String(Date.now() + 60_000) } },
    ]);
    await answered('good');

    expect(singles).toEqual([{ n: 2 }]);
    expect(server.counts.expired).toBe(1);
  });

  it('cuts a deadline to what its record’s time allows, and takes that for one that is missing or unreadable', async () => {
    await repliesTo('list');
    const deadlines = ['99999999999999', 'never', '-1', '9'.repeat(400), undefined];
    await write(
      'list',
      deadlines.map((deadline, n) => ({
        value: { n },
        headers: { ...address('list', `id${n}`), ...(deadline === undefined ? {} : { latchkey_deadline: deadline }) },
      })),
    );
    await answered('id4');

    const [list] = lists;
    expect(list?.map(({ deadlineMs, receivedAtMs }) => deadlineMs - receivedAtMs)).toEqual(
      deadlines.map(() => MAX_DEADLINE_MS),
    );
  });

  it('answers an item that is parked when it settles, the others before, and commits none of them until then', async () => {
    await repliesTo('parked');
    const isParked = new Promise<void>((resolve) => (onNews = resolve));
    await write('parked', [
      { value: { n: -1 }, headers: address('parked', 'parked') },
      { value: { n: 1 }, headers: address('parked', 'quick') },
    ]);
    await isParked;
    await answered('quick');
    await write('parked', [{ value: { n: 2 }, headers: address('parked', 'later') }]);
    await answered('later');
    // Both were written before; a commit that came too early would be there.
    await write('list', [{ headers: address('list', 'other') }]);
    await eventually(async () => (await rig.committed('list')) === 1);
    expect(await rig.committed('parked')).toBe(-1);

    parked.get(-1)?.({ late: true });
    await answered('parked');
    await eventually(async () => (await rig.committed('parked')) === 3);
  });

  it('lets a handler that never ends hold up its partition only until the deadline, and no other partition', async () => {
    await repliesTo('hangs');
    const soon = String(Date.now() + 1_500);
    await write('hangs', [
      { value: { n: -1 }, headers: { ...address('hangs', 'never'), latchkey_deadline: soon } },
      { value: { n: 1 }, headers: address('hangs', 'next') },
    ]);
    await eventually(() => singles.length > 0);
    await write('list', [{ headers: address('list', 'other') }]);
    await eventually(() => lists.length > 0);
    expect(singles).toEqual([-1]);

    const messages = await answered('next');
    expect(singles).toEqual([-1, 1]);
    expect(messages.map(idOf)).toEqual(['next']);
    await eventually(async () => (await rig.committed('hangs')) === 2);
  });

  it.each([
    { maxOpen: 8, taken: 10 },
    // The same without a bound that matters shows that the test would notice.
    { maxOpen: 1_000, taken: 15 },
  ])('takes no more than it may have under way: $maxOpen', async ({ maxOpen, taken }) => {
    await rig.close();
    rig = await KafkaRig.open(PATTERNS);
    ({ server } = await rig.serve(Service, contract, { maxOpen, drainMs: 200 }));
    await repliesTo('parked');
    for (const first of [-1, -6, -11]) {
      await write(
        'parked',
        [0, 1, 2, 3, 4].map((n) => ({ value: { n: first - n }, headers: address('parked', `p${first - n}`) })),
      );
      await fetched();
    }
    expect(parked.size).toBe(taken);

    const settleAll = () => {
      for (const [n, settle] of parked) settle({ n });
    };
    settleAll();
    onNews = () => queueMicrotask(settleAll);
    await replies.until(({ length }) => length === 15);
  });

  it('commits at its end what was answered while another commit was under way', async () => {
    const { server: ending, app } = await rig.serve(Service, contract, { groupId: `${rig.groupId}-ending` });
    const [, consumer] = ending.unwrap<[Kafka, Consumer]>();
    const commitOffsets = consumer.commitOffsets.bind(consumer);
    const hold = aGate();
    const begun: string[] = [];
    consumer.commitOffsets = async (offsets) => {
      begun.push(...offsets.map(({ offset }) => offset));
      await hold.promise;
      await commitOffsets(offsets);
    };
    await repliesTo('list');
    await write('list', [{ value: { n: 1 }, headers: address('list', 'one') }]);
    await eventually(() => begun.length === 1);
    const before = lists.length;
    await write('list', [{ value: { n: 2 }, headers: address('list', 'two') }]);
    // Each of the two groups takes it.
    await eventually(() => lists.length >= before + 2);
    await replies.until((messages) => messages.filter((message) => idOf(message) === 'two').length === 2);

    const ended = app.close();
    hold.open();
    await ended;
    const [offsets] = await rig.admin.fetchOffsets({ groupId: `${rig.groupId}-ending`, topics: [rig.topic('list')] });
    expect(begun).toEqual(['1', '2']);
    expect(offsets?.partitions).toEqual([expect.objectContaining({ offset: '2' })]);
  });

  it('shows an unmarked handler the record as stock Nest does', async () => {
    await repliesTo('single');
    await write('single', [{ value: { n: 1 }, headers: { ...address('single', 'id'), other: '{"a":1}' } }]);
    await answered('id');

    expect(context).toBeInstanceOf(KafkaContext);
    expect(context?.getTopic()).toBe(rig.topic('single'));
    expect(context?.getMessage()).toMatchObject({
      value: { n: 1 },
      headers: { kafka_correlationId: 'id', other: { a: 1 } },
    });
  });

  describe('a reply that can’t be written as it is', () => {
    it('becomes an error when it is too large', async () => {
      await repliesTo('single');
      await write('single', [{ value: 'x'.repeat(899_999), headers: address('single', 'large') }]);
      const [message] = await answered('large');

      expect(message?.value).toBeNull();
      expect(String(message?.headers?.['kafka_nest-err'])).toContain('too large');
    });
  });
});
