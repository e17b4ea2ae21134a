import { describe, expect, it } from '@jest/globals';
import { gatewaySettings } from './settings.ts';

const least = { SIGN_IN: 'development', SIGN_IN_TOKEN: 'a-token-of-some-length' };

function badNames(env: Record<string, string>): unknown[] {
  return gatewaySettings.safeParse(env).error?.issues.map(({ path }) => path[0]) ?? [];
}

describe('the settings of the gateway', () => {
  it('listen on this machine by default', () => {
    expect(gatewaySettings.parse(least)).toMatchObject({ HTTP_HOST: '127.0.0.1', HTTP_PORT: 8080, KEY_PREFIX: 'lkp' });
  });

  it('refuse to start without a sign-in and its token', () => {
    expect(badNames({})).toEqual(['SIGN_IN', 'SIGN_IN_TOKEN']);
  });

  it.each(['proxy', 'oidc', 'none', ''])('refuse SIGN_IN=%s', (SIGN_IN) => {
    expect(badNames({ ...least, SIGN_IN })).toEqual(['SIGN_IN']);
  });

  it('say that the other ways to sign in are not there yet', () => {
    const result = gatewaySettings.safeParse({ ...least, SIGN_IN: 'oidc' });
    expect(result.error?.issues[0]?.message).toMatch(/proxy and oidc are not available in this version/);
  });

  it.each(['0.0.0.0', '::', '192.168.1.10', 'keys.example', '127.0.0.1.evil.example'])(
    'refuse to listen on %s in development',
    (HTTP_HOST) => expect(badNames({ ...least, HTTP_HOST })).toEqual(['HTTP_HOST']),
  );

  it('name an open address beside everything else that is wrong', () => {
    const names = badNames({ SIGN_IN: 'none', HTTP_HOST: '0.0.0.0', HTTP_PORT: 'http' });
    expect(names.sort()).toEqual(['HTTP_HOST', 'HTTP_PORT', 'SIGN_IN', 'SIGN_IN_TOKEN']);
  });

  it.each(['127.0.0.1', '::1', 'localhost'])('may listen on %s', (HTTP_HOST) => {
    expect(gatewaySettings.parse({ ...least, HTTP_HOST }).HTTP_HOST).toBe(HTTP_HOST);
  });

  it.each([
    ['HTTP_PORT', '65536'],
    ['HTTP_PORT', 'http'],
    ['HTTP_PORT', '80.5'],
    ['HTTP_PORT', ''],
    ['HTTP_PORT', '0x50'],
    ['SIGN_IN_TOKEN', 'short'],
    ['KEY_PREFIX', 'has_underscore'],
    ['KEY_PREFIX', 'phx'],
    ['LEGACY_TEST_ITERATIONS', '2'],
  ])('refuse %s=%s', (name, value) => {
    expect(badNames({ ...least, [name]: value })).toEqual([name]);
  });
});
