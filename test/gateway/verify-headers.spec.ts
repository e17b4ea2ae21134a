import { Controller, Get, Module, Res } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type FastifyReply } from 'fastify';
import { of } from 'rxjs';
import { createGateway } from '#gateway/create-gateway';
import { mintKeyValue } from '#credentials/key-value';
import { testSettings } from '#testing/gateway';

/** Sets a header that nothing can carry. */
@Controller('unsendable')
class UnsendableController {
  @Get()
  answer(@Res({ passthrough: true }) reply: FastifyReply) {
    reply.headers({ 'x-odd': 'a\nb', 'x-private': 'internal' });
    return { of: 'no use' };
  }
}

@Module({})
class UnsendableModule {}

let app: NestFastifyApplication | undefined;
afterEach(() => app?.close());

/** What the gateway makes of a key that the services call good. */
async function answerTo(key: { userId?: string; keyId?: string; scopes?: string[] }, url = '/verify') {
  const reply = { valid: true, userId: 'alice', keyId: 'k-1', scopes: ['a:read'], position: '10', ...key };
  app = await createGateway({
    settings: testSettings(),
    client: { send: () => of(reply) },
    logger: false,
    imports: [{ module: UnsendableModule, controllers: [UnsendableController] }],
  });
  return app.inject({ url, headers: { host: 'localhost', authorization: `Bearer ${mintKeyValue('lkp').reveal()}` } });
}

describe('the headers of a good verdict', () => {
  it('are what is stored, where a header can carry it', async () => {
    const { statusCode, headers } = await answerTo({ scopes: ['a:read', 'b:write', '*'] });
    expect({ statusCode, headers }).toMatchObject({
      statusCode: 200,
      headers: { 'x-latchkey-user': 'alice', 'x-latchkey-key-id': 'k-1', 'x-latchkey-scopes': 'a:read,b:write,*' },
    });
  });

  it('carry whatever else is stored percent-encoded, so that nothing of it parts or adds a header', async () => {
    const odd = { userId: 'ä%', keyId: 'k\r\nX-Latchkey-User: root', scopes: ['a,b:read', 'é\n', 'c:read'] };
    const answer = await answerTo(odd);
    expect({ statusCode: answer.statusCode, headers: answer.headers }).toMatchObject({
      statusCode: 200,
      headers: {
        'x-latchkey-user': '%C3%A4%25',
        'x-latchkey-key-id': 'k%0D%0AX-Latchkey-User:%20root',
        'x-latchkey-scopes': 'a%2Cb:read,%C3%A9%0A,c:read',
      },
    });
    expect(answer.json()).toEqual({ user_id: odd.userId, key_id: odd.keyId, scopes: odd.scopes });
  });

  it.each([
    ['4 kB', 4096, true],
    ['a byte more', 4097, false],
  ])('have scopes of %s or leave them to the body', async (_, length, isThere) => {
    const scopes = ['a:read', 'x'.repeat(length - 'a:read,'.length)];
    const answer = await answerTo({ scopes });
    expect(answer.statusCode).toBe(200);
    expect('x-latchkey-scopes' in answer.headers).toBe(isThere);
    expect(answer.json()).toMatchObject({ scopes });
  });
});

describe('an answer that can not be sent', () => {
  it.each([
    ['a user whose id has no bytes', '/verify', { userId: 'a\ud800' }],
    ['a header that nothing can carry', '/unsendable', {}],
  ])('ends in the envelope, and tells nothing of the inside: %s', async (_, url, key) => {
    const answer = await answerTo(key, url);
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toEqual({
      type: 'server_error',
      code: 'error',
      detail: 'A server error occurred.',
      attr: null,
    });
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    expect(answer.headers).not.toHaveProperty('x-private');
    expect(answer.headers).not.toHaveProperty('x-latchkey-position');
  });
});
