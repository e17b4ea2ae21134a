import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type INestMicroservice, type NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type CustomStrategy } from '@nestjs/microservices';
import { Requests } from '#client/requests';
import { messageContract } from '#contracts/message-contract';
import { type LastUse, MemoryLastUse } from '#key-lookup/last-use';
import { LookupUnavailable } from '#key-lookup/lookup-reader';
import { InProcessBus } from '#runtime/in-process-bus';
import { InProcessClient } from '#runtime/in-process-client';
import { InProcessServer } from '#runtime/in-process-server';
import { hashNo } from '#testing/given-keys';
import { HandDrivenLookup } from '#testing/hand-driven-lookup';
import { AuthModule } from './auth.module.ts';

const NOON_MS = Date.parse('2026-03-01T12:00:00.000Z');
const hash = hashNo(1);
const ann = { userId: 'ann', keyId: 'key' };
const unused = { userId: 'ann', keyId: 'unused' };

let lookup: HandDrivenLookup;
let client: InProcessClient;
let service: INestMicroservice;
let requests: Requests;
let nowMs: number;

async function serve(lastUse: LastUse): Promise<void> {
  const bus = new InProcessBus();
  const module = AuthModule.register({ lookup: lookup.reader, lastUse, nowMs: () => nowMs, waitMs: 60_000 });
  const options: Pick<NestApplicationOptions, 'logger'> & CustomStrategy = {
    strategy: new InProcessServer(bus, messageContract),
    logger: false,
  };
  service = await NestFactory.createMicroservice(module, options);
  await service.listen();
  client = new InProcessClient(bus);
  requests = new Requests(client);
}

beforeEach(async () => {
  nowMs = NOON_MS;
  lookup = await HandDrivenLookup.open({ shards: 2 });
  await lookup.event({ put: hash, entry: { ...ann, scopes: ['a:read'] } });
});
afterEach(async () => {
  await client.close();
  await service.close();
});

const lastUsed = (...items: { userId: string; keyId: string }[]) => requests.send('keys.last-used', { items });

describe('keys.last-used', () => {
  it('answers when each key was last found good, and null where no use is known', async () => {
    await serve(new MemoryLastUse());
    expect(await lastUsed(ann, unused)).toEqual({ results: [null, null] });
    await requests.send('keys.verify', { hash });
    expect(await lastUsed(unused, ann, { ...ann, userId: 'bob' }, ann)).toEqual({
      results: [null, '2026-03-01T12:00:00.000Z', null, '2026-03-01T12:00:00.000Z'],
    });
    nowMs += 3_600_000;
    await requests.send('keys.verify', { hash });
    expect(await lastUsed(ann)).toEqual({ results: ['2026-03-01T12:00:00.000Z'] });
    nowMs += 1;
    await requests.send('keys.verify', { items: [{ hash: hashNo(2) }, { hash }] });
    expect(await lastUsed(ann)).toEqual({ results: ['2026-03-01T13:00:00.001Z'] });
  });

  it('answers many requests at once, each its own', async () => {
    await serve(new MemoryLastUse());
    await requests.send('keys.verify', { hash });
    const asked = [[ann], [unused, ann], [unused]];
    expect(await Promise.all(asked.map((items) => lastUsed(...items)))).toEqual([
      { results: ['2026-03-01T12:00:00.000Z'] },
      { results: [null, '2026-03-01T12:00:00.000Z'] },
      { results: [null] },
    ]);
  });

  it('is UNAVAILABLE where it can’t be asked; verdicts are given all the same', async () => {
    const broken: LastUse = { note: () => undefined, read: () => Promise.reject(new LookupUnavailable('away')) };
    await serve(broken);
    expect(await lastUsed(ann)).toMatchObject({ ok: false, code: 'UNAVAILABLE' });
    expect(await requests.send('keys.verify', { hash })).toMatchObject({ valid: true });
  });
});

describe('a use', () => {
  const isUsed = async () => {
    const reply = await lastUsed(ann);
    return 'results' in reply && reply.results[0] !== null;
  };

  it.each([
    ['a scope that the key has', { hash, scopes: ['a:read'] }, true],
    ['a scope that the key lacks', { hash, scopes: ['b:read'] }, true],
    ['another hash', { hash: hashNo(2) }, false],
    ['a position alone', { minPosition: '2' }, false],
    ['nothing that can be read', { hash: 'x' }, false],
  ])('is asking for %s: %j is %s', async (_, item, used) => {
    await serve(new MemoryLastUse());
    await requests.send('keys.verify', { items: [item] });
    expect(await isUsed()).toBe(used);
  });

  it('is not a question that nobody can answer', async () => {
    await serve(new MemoryLastUse());
    lookup.nowMs += 30_001;
    expect(await requests.send('keys.verify', { hash })).toMatchObject({ code: 'UNAVAILABLE' });
    expect(await isUsed()).toBe(false);
  });

  it('is a question that had to wait, once it is answered', async () => {
    await serve(new MemoryLastUse());
    const waiting = requests.send('keys.verify', { hash, minPosition: '3' });
    expect(await isUsed()).toBe(false);
    await lookup.event();
    expect(await waiting).toMatchObject({ valid: true });
    expect(await isUsed()).toBe(true);
  });
});
