import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { createLogger } from '#runtime/logging';
import { SIGN_IN_TOKEN } from '#testing/gateway';
import { filesUnder, isIn } from '#testing/looking-for-secrets';
import { Services } from '#testing/services';

describe('looking for a secret', () => {
  it.each(['utf8', 'hex', 'base64', 'utf16le'] as const)('finds one that was written as %s', (encoding) => {
    const secret = `lkp_${randomUUID()}`;
    const written =
      encoding === 'utf16le'
        ? Buffer.from(secret, encoding)
        : Buffer.from(Buffer.from(`a${secret}b`).toString(encoding));
    expect(isIn(Buffer.concat([Buffer.from('before'), written, Buffer.from('after')]), secret)).toBe(true);
    expect(isIn(written, `lkp_${randomUUID()}`)).toBe(false);
  });
});

describe('a key’s value', () => {
  it('is in no log line, no message between services, and no byte of the store', async () => {
    const traces: string[] = [];
    const trace = (what: unknown) => void traces.push(typeof what === 'string' ? what : JSON.stringify(what));
    const log = createLogger({ level: 'trace', pretty: false, to: { write: trace } });
    let messages = 0;
    const onMessage = (message: unknown) => {
      messages += 1;
      trace(message);
    };
    const services = await Services.start({ log, onRequest: onMessage, onReply: onMessage });
    const user = services.as('alice');
    const { body: created } = await user.create({ label: 'a label to look for', scopes: ['insight:read'] });
    const { body: rolled } = await user.roll(created.id);
    const imported = `phx_${randomUUID()}`;
    for (const value of [created.value!, rolled.value!, imported, `${rolled.value!}x`]) {
      await user.verify(value);
      await user.current(value);
      await user.send('POST', '/verify', { personal_api_key: value });
    }
    await user.create({ label: rolled.value!, scopes: [rolled.value!] });
    const stored = filesUnder(services.dataDir);
    await services.close();
    const everything = Buffer.concat([stored, Buffer.from(traces.join('\n'))]);
    expect(isIn(stored, 'a label to look for')).toBe(true);
    // A request and its reply for each that was verified, at the least.
    expect(messages).toBeGreaterThan(24);
    expect(traces.length).toBeGreaterThan(messages);
    for (const secret of [created.value!, rolled.value!, imported, SIGN_IN_TOKEN])
      expect(isIn(everything, secret)).toBe(false);
  });
});
