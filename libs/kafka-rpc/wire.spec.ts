import { describe, expect, it } from '@jest/globals';
import { type IHeaders } from 'kafkajs';
import { MAX_DEADLINE_MS } from '#runtime/delivery';
import { decodeValue, readReply, readReplyAddress, readTimes, requestMessage } from './wire.ts';

const record = (headers: IHeaders, value: Buffer | null = null, timestamp = String(Date.now())) => ({
  headers: Object.fromEntries(
    Object.entries(headers).map(([name, header]) => [name, typeof header === 'string' ? Buffer.from(header) : header]),
  ),
  value,
  timestamp,
});
const address = { kafka_correlationId: 'id', kafka_replyTopic: 'x.reply', kafka_replyPartition: '3' };

describe('records as Nest writes them', () => {
  it('says where a reply goes', () => {
    expect(readReplyAddress(record(address))).toEqual({
      topic: 'x.reply',
      partition: 3,
      correlationId: Buffer.from('id'),
    });
    expect(readReplyAddress(record({ ...address, kafka_replyPartition: undefined }))).toMatchObject({
      partition: undefined,
    });
  });

  it.each([{ ...address, kafka_correlationId: '' }, { ...address, kafka_replyTopic: undefined }, {}])(
    'takes a record without an id or a topic for one that nobody wants answered: %j',
    (headers) => {
      expect(readReplyAddress(record(headers))).toBe('none');
    },
  );

  it('reads back what it writes', () => {
    const { headers = {}, value } = requestMessage({
      value: '{"n":1}',
      correlationId: 'c1',
      replyTopic: 'x.reply',
      replyPartition: 7,
      deadlineMs: Date.now() + 5_000,
    });
    expect(value).toBe('{"n":1}');
    expect(readReplyAddress(record(headers))).toMatchObject({ topic: 'x.reply', partition: 7 });
    expect(readTimes(record(headers)).deadlineMs).toBe(Number(headers['latchkey_deadline']));
  });

  it('takes no time from a record that is later than now, or none at all', () => {
    const future = String(Date.now() + 1_000_000_000);
    expect(readTimes(record({}, null, future)).deadlineMs).toBeLessThanOrEqual(Date.now() + MAX_DEADLINE_MS);
    expect(readTimes(record({}, null, '-1')).deadlineMs).toBeLessThan(Date.now());
  });

  it('leaves bytes as they are that are no UTF-8, where Nest would make one text of several', () => {
    for (const letter of [0xe4, 0xf6]) {
      const latin1 = Buffer.from([...Buffer.from('{"userId":"'), letter, ...Buffer.from('"}')]);
      expect(latin1.toString()).toBe('{"userId":"\ufffd"}');
      expect(decodeValue(latin1)).toEqual(latin1);
    }
  });

  it('decodes a value as Nest does', () => {
    expect(decodeValue(null)).toBeNull();
    expect(decodeValue(Buffer.from('{"a":[1]}'))).toEqual({ a: [1] });
    expect(decodeValue(Buffer.from('{"a"'))).toBe('{"a"');
    expect(decodeValue(Buffer.from('true'))).toBe('true');
    expect(decodeValue(Buffer.from([0, 1]))).toEqual(Buffer.from([0, 1]));
    expect(decodeValue(Buffer.alloc(0))).toBe('');
  });

  it('reads a reply, its error and its end', () => {
    const disposed = { 'kafka_nest-is-disposed': Buffer.alloc(1) };
    expect(readReply(record({}, Buffer.from('{"n":1}')))).toEqual({ response: { n: 1 }, isDisposed: false });
    expect(readReply(record(disposed, Buffer.from('{"n":1}')))).toEqual({ response: { n: 1 }, isDisposed: true });
    expect(readReply(record({ 'kafka_nest-err': '{"code":"NO"}' }))).toEqual({ err: { code: 'NO' }, isDisposed: true });
    expect(readReply(record({ 'kafka_nest-err': 'no' }))).toEqual({ err: 'no', isDisposed: true });
  });
});
