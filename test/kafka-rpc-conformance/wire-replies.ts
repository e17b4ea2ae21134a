/** What a client makes of records in its reply topic, from whoever writes them. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type IHeaders } from 'kafkajs';
import { firstValueFrom, toArray } from 'rxjs';
import { anyKafka } from '#testing/kafka-process';
import { requires } from '#testing/requires';
import { RawWire, type RawRecord } from './raw-wire.ts';
import { type ClientSide, type WireClient } from './sides.ts';
import { createWireTopics } from './wire-topics.ts';

const OVER = Buffer.alloc(1);

/** Each is written before the right reply, to the same partition. */
const HOSTILE: readonly { readonly what: string; readonly headers: (id: string) => IHeaders }[] = [
  { what: 'no headers', headers: () => ({}) },
  { what: 'no correlation id', headers: () => ({ 'kafka_nest-is-disposed': OVER }) },
  { what: 'an empty correlation id', headers: () => ({ kafka_correlationId: '', 'kafka_nest-is-disposed': OVER }) },
  { what: 'the id of nobody', headers: () => ({ kafka_correlationId: 'nobody', 'kafka_nest-is-disposed': OVER }) },
  {
    what: 'part of the id',
    headers: (id) => ({ kafka_correlationId: id.slice(0, -1), 'kafka_nest-is-disposed': OVER }),
  },
  { what: 'an id that is JSON', headers: (id) => ({ kafka_correlationId: `["${id}"` }) },
  { what: 'two ids', headers: (id) => ({ kafka_correlationId: ['nobody', id], 'kafka_nest-is-disposed': OVER }) },
  { what: 'an id of 100 kB', headers: () => ({ kafka_correlationId: 'x'.repeat(100_000) }) },
  { what: 'the name of a property', headers: () => ({ kafka_correlationId: '__proto__', 'kafka_nest-err': 'no' }) },
  { what: 'an error for nobody', headers: () => ({ kafka_correlationId: 'nobody', 'kafka_nest-err': '{"x":1}' }) },
];

export function describeReplies(clientSide: ClientSide): void {
  requires(anyKafka)(`a client of ${clientSide.name}, given records for replies`, () => {
    let askTopic: string;
    let raw: RawWire;
    let client: WireClient;
    let asked = 0;

    /** The request as it came, and everything that its caller gets. */
    async function ask(): Promise<{
      request: RawRecord;
      reply: (value: string, headers: IHeaders) => Promise<void>;
      seen: Promise<unknown[]>;
    }> {
      const text = JSON.stringify({ n: (asked += 1) });
      const seen = firstValueFrom(client.send<unknown>(askTopic, JSON.parse(text)).pipe(toArray()));
      seen.catch(() => undefined);
      const request = await raw.record(askTopic, ({ value }) => String(value) === text);
      const partition = Number(String(request.headers['kafka_replyPartition']));
      const reply = async (value: string, headers: IHeaders) => {
        await raw.producer.send({ topic: `${askTopic}.reply`, messages: [{ partition, value, headers }] });
      };
      return { request, reply, seen };
    }

    beforeAll(async () => {
      const topics = await createWireTopics();
      askTopic = `${topics.prefix}wire.describe`;
      raw = await RawWire.open(topics, [askTopic]);
      client = await clientSide.connect(topics);
    });

    afterAll(async () => {
      await client.close();
      await raw.close();
    });

    it('sends a request without a key, with an address of its own', async () => {
      const { request, reply, seen } = await ask();
      const { key, headers } = request;
      expect(key).toBeNull();
      expect(String(headers['kafka_replyTopic'])).toBe(`${askTopic}.reply`);
      expect(String(headers['kafka_replyPartition'])).toMatch(/^[0-2]$/);
      await reply('{"n":1}', {
        kafka_correlationId: String(headers['kafka_correlationId']),
        'kafka_nest-is-disposed': OVER,
      });
      expect(await seen).toEqual([{ n: 1 }]);
    });

    it.each(HOSTILE)('is not misled by $what', async ({ headers }) => {
      const { request, reply, seen } = await ask();
      const id = String(request.headers['kafka_correlationId']);
      await reply('"wrong"', headers(id));
      await reply('{"right":true}', { kafka_correlationId: id, 'kafka_nest-is-disposed': OVER });
      expect(await seen).toEqual([{ right: true }]);
    });

    it('takes what comes after the last reply for nobody’s', async () => {
      const first = await ask();
      const headers = {
        kafka_correlationId: String(first.request.headers['kafka_correlationId']),
        'kafka_nest-is-disposed': OVER,
      };
      await first.reply('{"n":1}', headers);
      await first.reply('{"n":2}', headers);
      const second = await ask();
      await second.reply('{"n":3}', {
        ...headers,
        kafka_correlationId: String(second.request.headers['kafka_correlationId']),
      });
      expect([await first.seen, await second.seen]).toEqual([[{ n: 1 }], [{ n: 3 }]]);
    });
  });
}
