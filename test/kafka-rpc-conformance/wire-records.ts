/** What a server makes of records as such, from whoever writes them, and what it writes itself. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type IHeaders } from 'kafkajs';
import { anyKafka } from '#testing/kafka-process';
import { requires } from '#testing/requires';
import { RawWire } from './raw-wire.ts';
import { type ServerSide, type StartedServer } from './sides.ts';
import { described } from './wire-cases.ts';
import { createWireTopics, REPLY_PARTITIONS, type WireTopics } from './wire-topics.ts';
import { PATTERNS } from './wire.controller.ts';

const ASK = 'wire.describe';

/** Each is sent with a good request behind it, which must be answered. */
const HOSTILE: readonly { readonly what: string; readonly headers: (id: string) => IHeaders }[] = [
  { what: 'a correlation id that is JSON', headers: () => ({ kafka_correlationId: '{"x":1}' }) },
  { what: 'a correlation id that is a JSON array', headers: () => ({ kafka_correlationId: '[[]]' }) },
  { what: 'a correlation id of bytes', headers: () => ({ kafka_correlationId: Buffer.from([0, 255, 254]) }) },
  { what: 'a correlation id of 100 kB', headers: () => ({ kafka_correlationId: 'x'.repeat(100_000) }) },
  { what: 'two correlation ids', headers: (id) => ({ kafka_correlationId: [id, 'two'] }) },
  { what: 'a partition that is no number', headers: () => ({ kafka_replyPartition: 'zz' }) },
  { what: 'a negative partition', headers: () => ({ kafka_replyPartition: '-1' }) },
  { what: 'a partition that does not exist', headers: () => ({ kafka_replyPartition: '4711' }) },
  { what: 'half a partition', headers: () => ({ kafka_replyPartition: '0.5' }) },
  { what: 'an infinite partition', headers: () => ({ kafka_replyPartition: '1e999' }) },
  { what: 'an empty partition', headers: () => ({ kafka_replyPartition: '' }) },
  { what: 'two partitions', headers: () => ({ kafka_replyPartition: ['0', '1'] }) },
  { what: 'a deadline that is no number', headers: () => ({ latchkey_deadline: '{"never":true}' }) },
  { what: 'a header of Nest for errors', headers: () => ({ 'kafka_nest-err': '{"x":1}' }) },
  { what: 'a header named __proto__', headers: () => Object.fromEntries([['__proto__', '{"polluted":true}']]) },
  { what: 'a header named constructor', headers: () => ({ constructor: '{"prototype":{}}' }) },
];

/** One of these, and a stock server answers nobody for as long as kafkajs tries to find the topic, or for good. */
const HOSTILE_TOPICS: readonly {
  readonly what: string;
  readonly headers: (id: string, topics: WireTopics) => IHeaders;
}[] = [
  { what: 'a reply topic that does not exist', headers: () => ({ kafka_replyTopic: 'no.such.topic' }) },
  { what: 'a reply topic that is JSON', headers: () => ({ kafka_replyTopic: '["a"]' }) },
  { what: 'a reply topic that is no name', headers: () => ({ kafka_replyTopic: '../../etc ✓' }) },
  {
    what: 'two reply topics',
    headers: (_id, { prefix, foreignTopic }) => ({ kafka_replyTopic: [`${prefix}${ASK}.reply`, foreignTopic] }),
  },
];

export function describeRecords(serverSide: ServerSide): void {
  const isStock = serverSide.name === 'stock NestJS';

  requires(anyKafka)(`a server of ${serverSide.name}, given records`, () => {
    let topics: WireTopics;
    /** Of `ASK`. */
    let replies: string;
    let server: StartedServer;
    let raw: RawWire;
    let asked = 0;
    const newId = () => `raw-${(asked += 1)}`;

    const send = (pattern: string, value: string | Buffer | null, headers: IHeaders) =>
      raw.send(topics.prefix + pattern, value, headers);
    const addressOf = (id: string, pattern: string) => ({
      kafka_correlationId: id,
      kafka_replyTopic: `${topics.prefix}${pattern}.reply`,
      kafka_replyPartition: '0',
    });

    async function ask(pattern: string, value: string | Buffer | null, headers: IHeaders = {}) {
      const id = newId();
      await send(pattern, value, { ...addressOf(id, pattern), ...headers });
      return raw.reply(`${topics.prefix}${pattern}.reply`, id);
    }

    beforeAll(async () => {
      topics = await createWireTopics();
      const { prefix, foreignTopic } = topics;
      replies = `${prefix}${ASK}.reply`;
      server = await serverSide.start(topics);
      raw = await RawWire.open(topics, [...PATTERNS.map((pattern) => `${prefix}${pattern}.reply`), foreignTopic]);
    });

    afterAll(async () => {
      await raw.close();
      await server.close();
    });

    it('replies with the id and that it is over, to the partition that was asked for', async () => {
      for (let partition = 0; partition < REPLY_PARTITIONS; partition++) {
        const reply = await ask(ASK, '{"a":1}', { kafka_replyPartition: String(partition) });
        expect(reply).toEqual({
          key: null,
          value: Buffer.from(JSON.stringify(described({ a: 1 }))),
          partition,
          headers: {
            kafka_correlationId: reply.headers['kafka_correlationId'],
            'kafka_nest-is-disposed': Buffer.alloc(1),
          },
        });
      }
    });

    it('replies to any partition where none was asked for', async () => {
      const id = newId();
      const { kafka_replyPartition: _, ...headers } = addressOf(id, ASK);
      await send(ASK, 'text', headers);
      expect((await raw.reply(replies, id)).partition).toBeLessThan(REPLY_PARTITIONS);
    });

    it('replies to a failure with the error as JSON in a header and no value', async () => {
      const reply = await ask('wire.fail', '{"nth":0}');
      expect(reply.value).toBeNull();
      expect(reply.headers).toEqual({
        kafka_correlationId: reply.headers['kafka_correlationId'],
        'kafka_nest-err': Buffer.from('{"status":"error","message":"no such thing"}'),
        'kafka_nest-is-disposed': Buffer.alloc(1),
      });
    });

    it('tells of each emission but the last that it is not over', async () => {
      const reply = await ask('wire.stream', '{"nth":1}');
      await ask('wire.stream', '{"nth":0}');
      const emitted = raw.replies(`${topics.prefix}wire.stream.reply`, String(reply.headers['kafka_correlationId']));
      expect(emitted.map(({ value, headers }) => [String(value), 'kafka_nest-is-disposed' in headers])).toEqual([
        ['{"n":1}', false],
        ['{"n":2}', false],
        ['{"n":3}', true],
      ]);
    });

    it.each([
      ['an id', 'kafka_correlationId'],
      ['a reply topic', 'kafka_replyTopic'],
    ])('handles a request without %s, and replies to nobody', async (_what, missing) => {
      const id = newId();
      const headers = { ...addressOf(id, ASK), [missing]: '' };
      const before = server.wire.seen.length;
      const read = raw.all(replies).length;
      await send(ASK, `not to be answered ${id}`, headers);
      await server.wire.hasSeen(`not to be answered ${id}`, before);
      // The replies of one topic are read in order, by partition; all three are passed.
      for (let partition = 0; partition < REPLY_PARTITIONS; partition++) {
        await ask(ASK, 'text', { kafka_replyPartition: String(partition) });
      }
      expect(raw.all(replies)).toHaveLength(read + REPLY_PARTITIONS);
    });

    it('replies to nobody for an event, even where an address is given', async () => {
      const id = newId();
      await send('wire.event', `event ${id}`, addressOf(id, ASK));
      await server.wire.hasSeen(`event ${id}`);
      await ask(ASK, 'text');
      expect(raw.replies(replies, id)).toEqual([]);
    });

    it('gives a handler that asks the record: headers, key and value decoded', async () => {
      const id = newId();
      const headers = { ...addressOf(id, 'wire.context'), trace: '{"id":7}' };
      await raw.producer.send({
        topic: `${topics.prefix}wire.context`,
        messages: [{ key: 'k', value: '[1]', headers }],
      });
      const reply = await raw.reply(`${topics.prefix}wire.context.reply`, id);
      expect(JSON.parse(String(reply.value))).toEqual({
        topic: `${topics.prefix}wire.context`,
        partition: 0,
        recordKey: described('k'),
        recordValue: described([1]),
        header: described({ id: 7 }),
        hasOffset: true,
      });
    });

    /** Stock NestJS gives the handler the whole record in the place of a value that is null. */
    it.each([['null', null, isStock ? 'object' : 'null']] as const)(
      'hands over a value that is %s',
      async (_w, value, is) => {
        expect(JSON.parse(String((await ask(ASK, value)).value))).toMatchObject({ is });
      },
    );

    /** A secret that a handler calls `key` would lie in the open, in the record's own key. */
    it(`${isStock ? 'takes' : 'does not take'} a reply's own "key" and "value" for those of the record`, async () => {
      const { key, value, headers } = await ask('wire.keyed', '{}');
      if (isStock) expect([key, value].map(String)).toEqual(['a secret', '{"a":1}']);
      else
        expect([key, value, String(headers['kafka_nest-err'])]).toEqual([null, null, expect.stringContaining('error')]);
    });

    describe('that are hostile', () => {
      it.each(isStock ? HOSTILE : [...HOSTILE, ...HOSTILE_TOPICS])('goes on after $what', async ({ headers }) => {
        const id = newId();
        await send(ASK, 'hostile', { ...addressOf(id, ASK), ...headers(id, topics) });
        const reply = await ask(ASK, '{"fine":true}');
        expect(JSON.parse(String(reply.value))).toEqual(described({ fine: true }));
      });

      it('goes on after a request of 900 kB that is no JSON', async () => {
        await ask(ASK, `{${'x'.repeat(900_000)}`);
        expect(JSON.parse(String((await ask(ASK, '{}')).value))).toEqual(described({}));
      });

      it(`${isStock ? 'never answers' : 'answers'} those that ask behind a reply topic that is no text`, async () => {
        const ids = [newId(), newId(), newId()];
        await send(ASK, 'hostile', { ...addressOf(newId(), ASK), kafka_replyTopic: '["a"]' });
        for (const id of ids) await send(ASK, id, addressOf(id, ASK));
        for (const id of ids) await server.wire.hasSeen(id);
        // All that is written before it closes is read before what the next one writes, in the same partition.
        await server.close();
        server = await serverSide.start(topics);
        await ask(ASK, 'text');
        const answered = ids.filter((id) => raw.replies(replies, id).length > 0);
        expect(answered).toEqual(isStock ? [] : ids);
      });

      /** A caller names the topic of its reply, so a server that does not look writes wherever it may write. */
      it(`${isStock ? 'writes' : 'does not write'} a reply to a topic that is not for replies`, async () => {
        const id = newId();
        await send(ASK, 'astray', {
          ...addressOf(id, ASK),
          kafka_replyTopic: topics.foreignTopic,
          kafka_replyPartition: '0',
        });
        await ask(ASK, 'text');
        if (isStock) expect(String((await raw.reply(topics.foreignTopic, id)).value)).toContain('astray');
        else {
          // What was written there would be read before this, which comes after it in the same partition.
          await raw.send(topics.foreignTopic, 'the end', { kafka_correlationId: 'the end' });
          await raw.reply(topics.foreignTopic, 'the end');
          expect(raw.all(topics.foreignTopic)).toHaveLength(1);
        }
      });
    });
  });
}
