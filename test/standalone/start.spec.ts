import { randomUUID } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EventStore } from '#event-store/event-store';
import { keyEventMetadata } from '#keys/parse-key-event';
import { aCreation } from '#testing/command-service';
import { EventStoreProcess } from '#testing/event-store-process';
import { aFolder } from '#testing/folders';
import { KeysApi } from '#testing/keys-api';
import { StandaloneProcess } from '#testing/standalone-process';

describe('the start of standalone', () => {
  const running: { kill(signal: 'SIGKILL'): Promise<unknown> }[] = [];
  const ending = <Process extends (typeof running)[number]>(process: Process): Process => {
    running.push(process);
    return process;
  };
  afterEach(() => Promise.all(running.splice(0).map((process) => process.kill('SIGKILL'))));

  it('says where it listens, where its data lie, and a first example that works as pasted', async () => {
    const dataDir = aFolder('start');
    const service = ending(await StandaloneProcess.start(dataDir));
    expect(service.output).toContain(`data    ${dataDir}\n`);
    expect(service.output).toContain(
      `curl -u "me:$(cat ${join(dataDir, 'sign-in-token')})" ${service.url}/api/personal_api_keys/`,
    );
    expect(service.output).not.toContain(service.token);
    const body = /-d '(\{.*\})'/.exec(service.output)![1]!;
    const me = new KeysApi(service.url, 'me', service.token);
    const { status, body: key } = await me.create(JSON.parse(body));
    expect(status).toBe(201);
    expect((await me.verify(key.value!, { scopes: 'insight:read' })).status).toBe(200);
  });

  it('makes its folder and its token for its owner alone, once', async () => {
    const dataDir = join(aFolder('start'), 'below', 'data');
    const service = ending(await StandaloneProcess.start(dataDir));
    const { token } = service;
    expect(statSync(dataDir).mode & 0o077).toBe(0);
    expect(statSync(join(dataDir, 'sign-in-token')).mode & 0o777).toBe(0o600);
    await service.kill('SIGTERM');
    const again = ending(await StandaloneProcess.start(dataDir));
    expect(again.token).toBe(token);
    expect(readFileSync(join(dataDir, 'sign-in-token'), 'utf8')).toBe(`${token}\n`);
  });

  it('names every bad setting and prints no value', async () => {
    const secret = 'hunter2-hunter2';
    const settings = {
      HTTP_HOST: '0.0.0.0',
      HTTP_PORT: secret,
      KEY_PREFIX: `${secret}!`,
      EVENTSTORE_URL: secret,
      SIGN_IN: secret,
      SCOPES_FILE: secret,
    };
    const service = ending(StandaloneProcess.launch(aFolder('start'), settings));
    expect(await service.ended()).toBe(1);
    for (const name of Object.keys(settings)) expect(service.output).toContain(`  ${name}: must be`);
    expect(service.output).not.toContain(secret);
    expect(service.output).not.toContain('    at ');
  });

  it('gives keys the scopes of SCOPES_FILE alone, and names the entry that is wrong', async () => {
    const SCOPES_FILE = join(aFolder('scopes'), 'scopes.json');
    writeFileSync(SCOPES_FILE, '{"scopes": ["invoice:read", "Invoice:write"]}');
    const refused = ending(StandaloneProcess.launch(aFolder('start'), { SCOPES_FILE }));
    expect(await refused.ended()).toBe(1);
    expect(refused.output).toContain('  SCOPES_FILE: scope 2, "Invoice:write", must be object:read, object:write or *');
    writeFileSync(SCOPES_FILE, '{"scopes": ["invoice:read"]}');
    const service = ending(await StandaloneProcess.start(aFolder('start'), { SCOPES_FILE }));
    const me = new KeysApi(service.url, 'me', service.token);
    expect((await me.create({ label: 'CI', scopes: ['invoice:read'] })).status).toBe(201);
    expect((await me.create({ label: 'CI', scopes: ['insight:read'] })).body.detail).toBe(
      'Invalid scope: insight:read',
    );
  });

  it('refuses a folder that another one has, in a line', async () => {
    const dataDir = aFolder('start');
    ending(await StandaloneProcess.start(dataDir));
    const second = ending(StandaloneProcess.launch(dataDir));
    expect(await second.ended()).toBe(1);
    expect(second.output).toMatch(/is in use by process \d+/);
    expect(second.output).not.toContain('    at ');
  });

  it('refuses a port that is taken, in a line', async () => {
    const first = ending(await StandaloneProcess.start(aFolder('start')));
    const HTTP_PORT = new URL(first.url).port;
    const second = ending(StandaloneProcess.launch(aFolder('start'), { HTTP_PORT }));
    expect(await second.ended()).toBe(1);
    expect(second.output).toContain(HTTP_PORT);
    expect(second.output).not.toContain('    at ');
  });

  it('is not ready before the lookup has caught up, and answers UNAVAILABLE until then', async () => {
    const log = ending(await EventStoreProcess.start(aFolder('start')));
    await log.kill('SIGTERM');
    const service = ending(StandaloneProcess.launch(aFolder('start'), { EVENTSTORE_URL: log.url, HTTP_PORT: '0' }));
    const url = await service.gatewayUrl();
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    const api = new KeysApi(url, 'ada', 'any token');
    expect((await api.verify('some-imported-value')).status).toBe(503);
  });

  it('rebuilds the lookup of 10,000 events before it says that it is ready', async () => {
    const dataDir = aFolder('start');
    const log = ending(await EventStoreProcess.start(dataDir));
    const store = EventStore.connect(log.url);
    for (let nth = 0; nth < 1000; nth += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, more) => giveTenKeys(store, `user-${nth + more}`)));
    }
    await store.close();
    await log.kill('SIGTERM');

    const startedMs = performance.now();
    const service = ending(await StandaloneProcess.start(dataDir));
    const tookMs = performance.now() - startedMs;
    expect((await new KeysApi(service.url, 'user-999', service.token).list()).body).toHaveLength(10);
    process.stderr.write(`ready with 10,000 events after ${Math.round(tookMs)} ms\n`);
  });
});

/** In one append, as no command does it, to have many events soon. */
async function giveTenKeys(store: EventStore, userId: string): Promise<void> {
  const events = Array.from({ length: 10 }, () => {
    const { commandId, ...key } = aCreation(userId);
    return {
      id: randomUUID(),
      type: 'KeyCreated',
      data: { ...key, description: null, at: new Date().toISOString() },
      metadata: { ...keyEventMetadata('KeyCreated', { commandId, digest: 'none' }) },
    };
  });
  await store.append(`userKeys-${userId}`, 'none', events);
}
