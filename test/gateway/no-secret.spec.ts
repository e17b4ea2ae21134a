import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger } from '#runtime/logging';
import { SIGN_IN_TOKEN } from '#testing/gateway';
import { Services } from '#testing/services';

/** The forms in which a text may lie about: as it is, and in the encodings that logs, dumps and files use. */
function formsOf(secret: string): Buffer[] {
  const bytes = Buffer.from(secret, 'utf8');
  // Base64 of a text inside another one, at each of the three alignments, without the digits that its neighbours share.
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .slice(4, -4),
  );
  const texts = [
    secret,
    bytes.toString('hex'),
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    ...base64,
  ];
  return [...texts.map((text) => Buffer.from(text)), Buffer.from(secret, 'utf16le')];
}

function isIn(haystack: Buffer, secret: string): boolean {
  return formsOf(secret).some((form) => haystack.includes(form));
}

function filesUnder(folder: string): Buffer {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Buffer.concat(files.map((file) => readFileSync(join(file.parentPath, file.name))));
}

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
    const services = await Services.start({ log, onRequest: trace });
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
    expect(traces.length).toBeGreaterThan(20);
    for (const secret of [created.value!, rolled.value!, imported, SIGN_IN_TOKEN])
      expect(isIn(everything, secret)).toBe(false);
  });
});
