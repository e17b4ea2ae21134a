import { describe, expect, it } from '@jest/globals';
import { DevelopmentSignIn } from './sign-in.ts';

const TOKEN = 'a-token-of-some-length';
const signIn = new DevelopmentSignIn(TOKEN);
const basic = (credentials: string | Uint8Array) => `Basic ${Buffer.from(credentials).toString('base64')}`;

describe('signing in in development', () => {
  it.each(['alice', 'Ælfgifu ☂', 'a@b.example', 'x'.repeat(128), '  padded  '])('lets in %s with the token', (user) => {
    expect(signIn.identify(basic(`${user}:${TOKEN}`))).toBe(user);
  });

  it('takes the scheme in any case, as HTTP has it', () => {
    expect(signIn.identify(basic(`alice:${TOKEN}`).replace('Basic', 'bAsIc'))).toBe('alice');
  });

  it.each([
    ['a wrong token', basic(`alice:${TOKEN}x`)],
    ['no token', basic('alice:')],
    ['no colon', basic('alice')],
    ['a user name in place of the token', basic(`${TOKEN}:alice`)],
    ['no user name', basic(`:${TOKEN}`)],
    ['a user name that is too long', basic(`${'x'.repeat(129)}:${TOKEN}`)],
    ['a NUL in the user name', basic(`a\0b:${TOKEN}`)],
    ['a line break in the user name', basic(`a\r\nb:${TOKEN}`)],
    ['bytes that are no UTF-8', basic(Buffer.concat([Buffer.from([0xff]), Buffer.from(`:${TOKEN}`)]))],
    ['no base64', `Basic alice:${TOKEN}`],
    ['nothing', 'Basic '],
  ])('refuses %s', (_, authorization) => {
    expect(() => signIn.identify(authorization)).toThrow(
      expect.objectContaining({
        status: 401,
        envelope: expect.objectContaining({ code: 'authentication_failed' }) as unknown,
        headers: { 'www-authenticate': 'Basic realm="Latchkey", charset="UTF-8"' },
      }),
    );
  });

  it.each([undefined, 'Bearer', 'Digest username="alice"', ''])('asks for credentials given %s', (authorization) => {
    expect(() => signIn.identify(authorization)).toThrow(
      expect.objectContaining({
        status: 401,
        envelope: expect.objectContaining({ code: 'not_authenticated' }) as unknown,
      }),
    );
  });
});
