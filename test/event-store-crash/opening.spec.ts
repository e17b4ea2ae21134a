import { AccessDeniedError, EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { open } from 'lmdb';
import { EventStoreProcess } from '#testing/event-store-process';
import { requires } from '#testing/requires';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const OPENSSL = 'openssl';

/** What an operator sees who starts the store where it must not run. */
let dataDir: string;
const running: EventStoreProcess[] = [];
const clients: EventStoreDBClient[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'latchkey-opening-'));
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
  for (const store of running.splice(0)) await store.kill();
  await rm(dataDir, { recursive: true, force: true });
});

const start = async (...options: [options?: Parameters<typeof EventStoreProcess.start>[1]]) => {
  const store = await EventStoreProcess.start(dataDir, ...options);
  running.push(store);
  return store;
};

/** How a start ends that must not succeed. A store that runs after all is a failure that says so. */
const refusal = async (options: Parameters<typeof EventStoreProcess.launch>[1] = {}) => {
  const store = EventStoreProcess.launch(dataDir, options);
  running.push(store);
  const listening = store.listens().then(
    () => 'none: it listens',
    () => store.ended,
  );
  return { code: await Promise.race([store.ended, listening]), output: store.output };
};

const append = async (url: string) => {
  const client = EventStoreDBClient.connectionString(url);
  clients.push(client);
  return client.appendToStream('opening', jsonEvent({ type: 'Happened', data: {} }));
};

describe('a folder that another process holds', () => {
  it('is refused with its path, and the holder goes on', async () => {
    const holder = await start();
    const { code, output } = await refusal();
    expect(code).toBe(1);
    expect(output).toMatch(/in use/);
    expect(output).toContain(dataDir);
    expect(output).toContain(String(holder.pid));
    expect(output).not.toMatch(/ at .*\.js/);
    expect(await append(holder.url)).toMatchObject({ success: true });
  });

  it('may be opened at once when the holder was killed', async () => {
    const holder = await start();
    await append(holder.url);
    expect(await holder.kill('SIGKILL')).toBe('SIGKILL');
    const next = await start();
    expect(await append(next.url)).toMatchObject({ nextExpectedRevision: 1n });
  });

  it('may be opened at once when the holder was stopped', async () => {
    const holder = await start();
    await append(holder.url);
    expect(await holder.kill('SIGTERM')).toBe(0);
    const next = await start();
    expect(await append(next.url)).toMatchObject({ nextExpectedRevision: 1n });
  });

  it('is not held by a program that got the pid of a killed holder', async () => {
    const holder = await start();
    await holder.kill('SIGKILL');
    expect(replacePid(holder.pid, process.pid)).toBeGreaterThan(0);
    await start();
  });

  it('lets in one of several that start together', async () => {
    const stores = Array.from({ length: 3 }, () => EventStoreProcess.launch(dataDir));
    running.push(...stores);
    const refused: EventStoreProcess[] = [];
    await new Promise<void>((resolve) => {
      for (const store of stores) {
        void store.ended.then(() => {
          if (refused.push(store) === stores.length - 1) resolve();
        });
      }
    });
    const [winner] = stores.filter((store) => !refused.includes(store));
    await winner!.listens();
    for (const store of refused) expect(store.output).toMatch(/in use/);
  });
});

describe('a store of another format', () => {
  it('is refused with both formats, and left as it is', async () => {
    const store = await start();
    await append(store.url);
    await store.kill('SIGTERM');
    await setFormat('2');
    const { code, output } = await refusal();
    expect(code).toBe(1);
    expect(output).toMatch(/format 2/);
    expect(output).toMatch(/format 1/);
    await setFormat('1');
    const again = await start();
    expect(await append(again.url)).toMatchObject({ nextExpectedRevision: 1n });
  });
});

describe('an address that others can reach', () => {
  it.each(['0.0.0.0', '::', '192.0.2.1'])('is refused without TLS and a password: %s', async (host) => {
    const { code, output } = await refusal({ args: ['--host', host] });
    expect(code).toBe(1);
    expect(output).toMatch(/TLS/);
    expect(output).toMatch(/password/);
  });

  it('is refused with a password alone, which is not printed', async () => {
    const { code, output } = await refusal({
      args: ['--host', '0.0.0.0'],
      env: { EVENTSTORE_PASSWORD: 'correct horse' },
    });
    expect(code).toBe(1);
    expect(output).toMatch(/TLS/);
    expect(output).not.toContain('correct horse');
  });
});

requires({
  name: OPENSSL,
  missing: () => (spawnSync(OPENSSL, ['version']).status === 0 ? undefined : 'no such command'),
})('an address that others can reach, with a certificate', () => {
  const certificate = () => {
    const [key, cert] = [join(dataDir, 'key.pem'), join(dataDir, 'certificate.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const made = spawnSync(OPENSSL, [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
      ...['-keyout', key, '-out', cert],
      ...subject,
    ]);
    expect(made.status).toBe(0);
    return { cert, args: ['--host', '0.0.0.0', '--tls-certificate', cert, '--tls-key', key] };
  };

  it('is refused without a password', async () => {
    const { code, output } = await refusal({ args: certificate().args });
    expect(code).toBe(1);
    expect(output).toMatch(/password/);
  });

  it('serves who has the password, and nobody else', async () => {
    const { cert, args } = certificate();
    const { port } = await start({ args, env: { EVENTSTORE_PASSWORD: 'correct-horse' } });
    const url = (user: string) => `esdb://${user}localhost:${port}?tls=true&tlsCAFile=${cert}`;
    expect(await append(url('admin:correct-horse@'))).toMatchObject({ success: true });
    await expect(append(url('admin:wrong@'))).rejects.toThrow(AccessDeniedError);
    await expect(append(url('root:correct-horse@'))).rejects.toThrow(AccessDeniedError);
    await expect(append(url(''))).rejects.toThrow(AccessDeniedError);
  });
});

/** Wherever a lock file names one pid, as text or as LMDB's native number, it names another afterwards. Returns how often. */
function replacePid(from: number, to: number): number {
  let replaced = 0;
  for (const entry of readdirSync(dataDir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || !path.includes('lock')) continue;
    const bytes = readFileSync(path);
    for (const encode of [number32, String]) {
      const [wanted, given] = [Buffer.from(encode(from)), Buffer.from(encode(to))];
      for (
        let at = bytes.indexOf(wanted);
        at >= 0 && wanted.length === given.length;
        at = bytes.indexOf(wanted, at + 1)
      ) {
        given.copy(bytes, at);
        replaced += 1;
      }
    }
    writeFileSync(path, bytes);
  }
  return replaced;
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

/** What another version of this program would have written. */
async function setFormat(format: string): Promise<void> {
  const root = open<Buffer, Buffer>({
    path: join(dataDir, 'events'),
    encoding: 'binary',
    keyEncoding: 'binary',
    maxDbs: 8,
  });
  const meta = root.openDB<Buffer, Buffer>({ name: 'meta', encoding: 'binary', keyEncoding: 'binary' });
  await meta.put(Buffer.from('format'), Buffer.from(format));
  await root.close();
}
