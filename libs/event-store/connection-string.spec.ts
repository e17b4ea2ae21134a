import { describe, expect, it } from '@jest/globals';
import { connectionStringFor, requireUsable } from './connection-string.ts';
import { EventStore } from './event-store.ts';

describe('a connection string', () => {
  it('gets what the client must never do otherwise, last, where it wins', () => {
    expect(connectionStringFor('esdb://localhost:2113')).toBe('esdb://localhost:2113?throwOnAppendFailure=true');
    expect(connectionStringFor(' esdb://a:1,b:2/?tls=false&throwOnAppendFailure=false ')).toBe(
      'esdb://a:1,b:2/?tls=false&throwOnAppendFailure=false&throwOnAppendFailure=true',
    );
    expect(connectionStringFor('esdb://u:p?w@host/')).toBe('esdb://u:p?w@host?throwOnAppendFailure=true');
  });

  it.each([
    'http://user:hunter2@host',
    'hunter2',
    'esdb://',
    'esdb://user:hunter2@host?tlsVerifyCert=false',
    'esdb://user:hunter2@host?unheardOf=1',
    'esdb://user:hunter2@host?keepAliveInterval=-1',
    'esdb://user:hunter2@host?keepAliveInterval=5000',
    'esdb://user:hunter2@host?keepAliveInterval=often',
    'esdb://user:hunter2@host?tls=maybe',
    'esdb://user:hunter2@host:port',
  ])('that can’t be used is refused at once, without a word of it: %#', (url) => {
    let refusal: unknown;
    try {
      EventStore.connect(url);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(TypeError);
    expect(String((refusal as Error).stack)).not.toMatch(/hunter2|host/);
  });

  it('with every option that the client knows is taken', () => {
    const url =
      'esdb+discover://u:p@h?tls=true&tlsCAFile=a&userCertFile=b&userKeyFile=c&connectionName=d&maxDiscoverAttempts=1' +
      '&defaultDeadline=1&discoveryInterval=1&gossipTimeout=1&nodePreference=leader&keepAliveTimeout=10000';
    expect(() => requireUsable(url)).not.toThrow();
  });
});
