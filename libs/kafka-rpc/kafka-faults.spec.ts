import { describe, expect, it } from '@jest/globals';
import kafkajs, { type KafkaJSError } from 'kafkajs';
import { hintOf, isNoMember, mayPass, refusalOf } from './kafka-faults.ts';

/** As kafkajs tells whatever goes wrong while a name and its password are shown. */
const whileShown = (fault: string) =>
  Object.assign(new Error(`SASL SCRAM SHA512 authentication failed: ${fault}`), {
    name: 'KafkaJSSASLAuthenticationError',
  });

describe('a fault of Kafka', () => {
  it.each([
    'Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512',
    'Invalid server signature in server final message',
    'Authentication failed: Invalid username or password',
  ])('is a refusal where the password is wrong: %s', (fault) => {
    expect(refusalOf(whileShown(fault))?.message).toContain('KAFKA_SASL_PASSWORD');
  });

  it.each([
    'Closed connection',
    'Connection closed by the server',
    'Connection error: read ECONNRESET',
    'Connection timeout',
    'Request SaslAuthenticate(key: 36, version: 1) timed out',
  ])('is none where the broker goes away in the midst of that: %s', (fault) => {
    expect(refusalOf(whileShown(fault))).toBeUndefined();
  });

  it('is found behind others, also where they lead to themselves', () => {
    const refused = Object.assign(new Error('no'), { type: 'GROUP_AUTHORIZATION_FAILED' });
    const first = new Error('first', { cause: new Error('second', { cause: refused }) });
    expect(refusalOf(first)?.message).toContain('has no right to its consumer group');
    const loop = new Error('loop');
    loop.cause = loop;
    expect([refusalOf(loop), hintOf(loop), refusalOf('text'), refusalOf(null)]).toEqual([
      undefined,
      '',
      undefined,
      undefined,
    ]);
  });
});

describe('what ended a consumer', () => {
  const { KafkaJSNonRetriableError, KafkaJSNumberOfRetriesExceeded, KafkaJSConnectionError } = kafkajs;
  const protocol = (type: string) => Object.assign(new Error(type), { name: 'KafkaJSProtocolError', type });
  /** As kafkajs' retrying wraps whatever it does not try again. */
  const wrapped = (cause: Error): KafkaJSError => Object.assign(new KafkaJSNonRetriableError(cause), { cause });

  it('may pass while a broker is away, however kafkajs wraps that', () => {
    const refused = new KafkaJSConnectionError('connect ECONNREFUSED', { broker: '127.0.0.1:1' });
    const givenUp = new KafkaJSNumberOfRetriesExceeded(refused, { retryCount: 8, retryTime: 500 });
    expect([refused, givenUp, wrapped(givenUp)].map(mayPass)).toEqual([true, true, true]);
    expect(mayPass(Object.assign(new Error('none'), { name: 'KafkaJSGroupCoordinatorNotFound' }))).toBe(true);
  });

  it('may well not where Kafka refuses, the group has another protocol, or the fault is none of Kafka', () => {
    expect(mayPass(wrapped(protocol('GROUP_AUTHORIZATION_FAILED')))).toBe(false);
    expect(mayPass(wrapped(protocol('INCONSISTENT_GROUP_PROTOCOL')))).toBe(false);
    expect([new TypeError('no'), wrapped(new TypeError('no')), undefined].map(mayPass)).toEqual([false, false, false]);
  });

  it('is that it is no member any more, also behind others', () => {
    for (const type of ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS'])
      expect([protocol(type), wrapped(protocol(type))].map(isNoMember)).toEqual([true, true]);
    expect(isNoMember(protocol('NOT_LEADER_FOR_PARTITION'))).toBe(false);
  });
});
